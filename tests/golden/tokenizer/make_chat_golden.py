#!/usr/bin/env python3
"""Makes chat.json: prompts by transformers' apply_chat_template, for templates written here in the manner of the
published ones and for the real models in ~/.cache/wisk/models (their templates stay there). Needs transformers 5.
"""
import glob
import json
import os

from transformers import AutoTokenizer, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.expanduser("~/.cache/wisk/models")

LLAMA3_TURN = ("{% for m in messages %}{% set text = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' %}"
               "{% if loop.first %}{% set text = bos_token + text %}{% endif %}{{ text }}{% endfor %}"
               "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}")
LLAMA31 = """{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}{{- system }}{{- "<|eot_id|>" }}
{%- for m in messages %}{{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""
ALTERNATE = "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
GEMMA2 = ("{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}" + ALTERNATE +
          "{% if m['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}"
          "{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}")
GEMMA3 = ("{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- set prefix = messages[0]['content'] + '\\n\\n' -%}{%- set turns = messages[1:] -%}"
          "{%- else -%}{%- set prefix = '' -%}{%- set turns = messages -%}{%- endif -%}{%- for m in turns -%}" + ALTERNATE +
          "{%- set role = 'model' if m['role'] == 'assistant' else m['role'] -%}{{ '<start_of_turn>' + role + '\\n' + (prefix if loop.first else '') }}"
          "{{ m['content'] | trim }}{{ '<end_of_turn>\\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}")
MISTRAL1 = ("{{ bos_token }}{% for message in messages %}" + ALTERNATE.replace("m[", "message[") + "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
            "{% else %}{{ message['content'] + eos_token + ' ' }}{% endif %}{% endfor %}")
SYSTEM_FIRST = ("{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set turns = messages[1:] %}{%- else %}"
                "{%- set turns = messages %}{%- endif %}{{- bos_token }}{%- for message in turns %}" + ALTERNATE.replace("m[", "message[") + "{%- if message['role'] == 'user' %}")
MISTRAL2 = (SYSTEM_FIRST + "{%- if loop.first and system_message is defined %}{{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}"
            "{%- else %}{{- ' [INST] ' + message['content'] + ' [/INST]' }}{%- endif %}{%- else %}{{- ' ' + message['content'] + eos_token }}{%- endif %}{%- endfor %}")
MISTRAL3 = (SYSTEM_FIRST + "{%- if loop.last and system_message is defined %}{{- '[INST] ' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}"
            "{%- else %}{{- '[INST] ' + message['content'] + '[/INST]' }}{%- endif %}{%- else %}{{- ' ' + message['content'] | trim + eos_token }}{%- endif %}{%- endfor %}")
CHATML = ("{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
CHATML_DEFAULT = ("{%- if messages[0]['role'] != 'system' %}{{- '<|im_start|>system\\nIt\\'s a test. Be brief.<|im_end|>\\n' }}{%- endif %}" + CHATML)
CHATML_LINES = ("{% for m in messages %}{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\nOver two\nlines<|im_end|>\n' }}{% endif %}"
                "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
CHATML_THINK = "{{ bos_token }}" + CHATML.replace("assistant\\n' }}", "assistant\\n<think>\\n' }}")

TEMPLATES = {  # name: format, template, BOS, EOS
    "llama3": ("llama3", LLAMA3_TURN, "<|begin_of_text|>", "<|eot_id|>"), "llama31": ("llama3", LLAMA31, "<|begin_of_text|>", "<|eot_id|>"),
    "gemma2": ("gemma", GEMMA2, "<bos>", "<eos>"), "gemma3": ("gemma", GEMMA3, "<bos>", "<eos>"),
    "mistral1": ("mistral", MISTRAL1, "<s>", "</s>"), "mistral2": ("mistral", MISTRAL2, "<s>", "</s>"), "mistral3": ("mistral", MISTRAL3, "<s>", "</s>"),
    "chatml": ("chatml", CHATML, "<s>", "</s>"), "chatml_default": ("chatml", CHATML_DEFAULT, "<s>", "</s>"),
    "chatml_lines": ("chatml", CHATML_LINES, "<s>", "</s>"), "chatml_think": ("chatml", CHATML_THINK, "<s>", "</s>"),
}


def turns(*contents, system=None):
    messages = [{"role": "system", "content": system}] if system is not None else []
    return messages + [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(contents)]


CONVERSATIONS = [
    turns("Hello"), turns("Hello", system="Be brief."), turns("1 + 1?", "2", "and 2 + 2?"), turns("1 + 1?", " 2 \n", "\t and 2 + 2? \u00a0", system="  Answer \n in digits. "),
    turns("\u4f60\u597d \U0001f600 {{ x }} 'quoted' \\n", "", "<|im_end|>[INST]"), turns("", system=""),
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], [{"role": "assistant", "content": "a"}],
]


def prompts(tokenizer):
    """Prompts, or None where the template refuses the conversation."""
    result = []
    for conversation in CONVERSATIONS:
        try:
            result.append(tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True))
        except Exception:  # raise_exception of the template
            result.append(None)
    return result


def main():
    golden = {"conversations": CONVERSATIONS, "templates": {}, "models": {}}
    for name, (format, template, bos, eos) in TEMPLATES.items():
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=os.path.join(HERE, "gpt2", "tokenizer.json"), bos_token=bos, eos_token=eos)
        tokenizer.chat_template = template
        golden["templates"][name] = {"format": format, "template": template, "bos": bos, "eos": eos, "prompts": prompts(tokenizer)}
    for folder in sorted(glob.glob(os.path.join(MODELS, "*", "chat_template.jinja"))):
        name = os.path.basename(os.path.dirname(folder))
        if not name.endswith("-late"):
            golden["models"][name] = {"prompts": prompts(AutoTokenizer.from_pretrained(os.path.dirname(folder)))}
    with open(os.path.join(HERE, "chat.json"), "w") as file:
        json.dump(golden, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main()
