#include "job_fixture.hpp"

namespace wisk::run {
namespace {

TEST_F(JobTest, UnknownKeysAreNamedAllAtOnce) {
  EXPECT_EQ(error_of(pair_ + "decode:\n  temprature: 1\n"),
            "ROOT/job.yaml:4: key `decode.temprature`: expected one of samples, temperature, top_p, top_k, "
            "min_p, max_tokens, "
            "stop under `decode`, found `decode.temprature` (did you mean `decode.temperature`?)");
  EXPECT_EQ(error_of(pair_ + "tsk: 1\nmodel: {float: 1, dtpye: 2}\nsamples: 3\n", {"engine.thread=2"}),
            "ROOT/job.yaml:3: key `tsk`; ROOT/job.yaml:5: key `samples`; ROOT/job.yaml:4: key `model.float`; "
            "ROOT/job.yaml:4: key `model.dtpye`; --set engine.thread=2: key `engine.thread`: "
            "expected one of name, seed, checkpoints, blend, decode, task, model, engine, durability, k; "
            "one of dtype, compute, tensor_parallel under `model`; "
            "one of device, share_gpu, graphs, kv_cache, max_batch, prefill_chunk, threads, save_seconds, "
            "heartbeat_seconds, "
            "disk_wait_seconds under `engine`, "
            "found `tsk` (did you mean `task`?), `samples` (did you mean `decode.samples`?), `model.float`, "
            "`model.dtpye` (did you mean `model.dtype`?), `engine.thread` (did you mean `engine.threads`?)");
}

struct Case {
  const char* line;      ///< the third line of the job
  const char* expected;  ///< the error after "ROOT/job.yaml:3: "
};

const Case kCases[] = {
    {"seed: -1", "key `seed`: expected a whole number from 0 to 18446744073709551615, found -1"},
    {"seed: 18446744073709551616",
     "key `seed`: expected a whole number from 0 to 18446744073709551615, found 18446744073709551616"},
    {"seed: 1.0", "key `seed`: expected a whole number from 0 to 18446744073709551615, found 1.0"},
    {"seed: '1'", "key `seed`: expected a whole number from 0 to 18446744073709551615, found the text \"1\""},
    {"seed:", "key `seed`: expected a whole number from 0 to 18446744073709551615, found nothing"},
    {"name: [a]", "key `name`: expected text, found a list"},
    {"name: ''", "key `name`: expected text, found nothing"},
    {"name: \"a\\nb\"", "key `name`: expected one line of text, found the text \"a b\""},
    {"blend: linear",
     "key `blend`: expected a map of method, trajectory, delta, early, late, weights, normalize, found "
     "linear"},
    {"decode:",
     "key `decode`: expected a map of samples, temperature, top_p, top_k, min_p, max_tokens, stop, found "
     "nothing"},
    {"blend: {method: linaer}",
     "key `blend.method`: expected linear, found linaer (did you mean \"linear\"?)"},
    {"blend: {delta: half}", "key `blend.delta`: expected a finite number, found half"},
    {"blend: {delta: [0, .nan]}", "key `blend.delta`: expected a finite number, found .nan"},
    {"blend: {delta: [0, nan]}", "key `blend.delta`: expected a finite number, found nan"},
    {"blend: {delta: [inf]}", "key `blend.delta`: expected a finite number, found inf"},
    {"blend: {delta: 1e999}", "key `blend.delta`: expected a finite number, found 1e999"},
    {"blend: {delta: 0.5x}", "key `blend.delta`: expected a finite number, found 0.5x"},
    {"blend: {delta: {a: 1}}", "key `blend.delta`: expected a finite number, found a map"},
    {"blend: {delta: [[0, 1]]}", "key `blend.delta`: expected a finite number, found a list"},
    {"blend: {delta: [0.5, 0.50]}", "key `blend.delta`: expected each value once, found 0.50 again"},
    {"blend: {delta: [0, -0.0]}", "key `blend.delta`: expected each value once, found -0.0 again"},
    {"blend: {delta: 0.5, early: frist}",
     "key `blend.early`: expected a checkpoint named `frist`, found early, late"},
    {"blend: {delta: 0.5, late: lat}",
     "key `blend.late`: expected a checkpoint named `lat`, found early, late (did you mean \"late\"?)"},
    {"blend: {delta: 0.5, late: early}",
     "key `blend.delta`: expected different checkpoints as early and late, found early as both"},
    {"blend: {delta: 0.5, early: []}", "key `blend.early`: expected at least one value, found an empty list"},
    {"blend: {delta: 0.5, early: {a: 1}}", "key `blend.early`: expected text, found a map"},
    {"blend: {delta: 0.5, early: [early, early]}",
     "key `blend.early`: expected each value once, found early again"},
    {"blend: {delta: 0.5, early: [early, e*]}",
     "key `blend.early`: expected each checkpoint once, found early again"},
    {"blend: {delta: 0.5, early: [early, eraly]}",
     "key `blend.early`: expected a checkpoint named `eraly`, found early, late (did you mean \"early\"?)"},
    {"blend: {delta: 0.5, early: step-*}",
     "key `blend.early`: expected names of checkpoints that match step-*, found none among early, late"},
    {"blend: {delta: 0.5, early: [early, late]}",
     "key `blend.delta`: expected different checkpoints as early and late, found late as both"},
    {"blend: {delta: 0.5, early: l*}",
     "key `blend.delta`: expected different checkpoints as early and late, found late as both"},
    {"blend: {delta: 0.5, early: step-1120, trajectory: ckpt/*}",
     "key `blend.delta`: expected different checkpoints as early and late, found step-1120 and late, one "
     "folder"},
    {"blend: {delta: 0.5, early: [step-112], trajectory: ckpt/*}",
     "key `blend.early`: expected a checkpoint named `step-112`, found early, late, step-0020, step-0112, "
     "step-1120 (did you mean \"step-0112\"?)"},
    {"blend: {early: [early, late]}",
     "key `blend.early`: expected `blend.delta` beside it, the weights of early, found none"},
    {"blend: {late: l*}",
     "key `blend.late`: expected `blend.delta` beside it, the weights of early, found none"},
    {"blend: {weights: 1}",
     "key `blend.weights`: expected a map of checkpoint names to weights, or a list of such maps, found 1"},
    {"blend: {weights: {erly: 1, late: 1}}",
     "key `blend.weights`: expected names of checkpoints (early, late), found erly (did you mean "
     "\"early\"?)"},
    {"blend: {weights: {early: x}}", "key `blend.weights.early`: expected a finite number, found x"},
    {"blend: {weights: {early: 0}}",
     "key `blend.weights`: expected at least one weight that is not 0, found none"},
    {"blend: {weights: {}}", "key `blend.weights`: expected at least one weight that is not 0, found none"},
    {"blend: {normalize: true, weights: {early: 1, late: -1}}",
     "key `blend.weights`: expected weights with a sum other than 0 (normalize is true), found "
     "early=1,late=-1"},
    {"blend: {weights: [{early: 1}, {early: 1.0}]}",
     "key `blend.weights`: expected arms with different names, found two named early=1"},
    {"blend: {normalize: yes}", "key `blend.normalize`: expected true or false, found yes"},
    {"blend: {trajectory: nothing-*}",
     "key `blend.trajectory`: expected folders that match nothing-*, found none in ROOT"},
    {"blend: {trajectory: [ckpt/step-5]}",
     "key `blend.trajectory`: expected an existing folder, found ROOT/ckpt/step-5 (No such file or "
     "directory)"},
    {"blend: {trajectory: [base]}",
     "key `blend.trajectory`: expected a step number in the name of every folder, found base"},
    {"blend: {trajectory: [ckpt/step-0020, ckpt/step-*]}",
     "key `blend.trajectory`: expected one folder for each step, found ROOT/ckpt/step-0020 and "
     "ROOT/ckpt/step-0020, both step 20"},
    {"decode: {samples: 0}", "key `decode.samples`: expected a whole number from 1 to 1000000, found 0"},
    {"decode: {samples: [1, 2]}",
     "key `decode.samples`: expected a whole number from 1 to 1000000, found a list"},
    {"decode: {temperature: -0.1}",
     "key `decode.temperature`: expected 0 or a number from 1e-6 to 1e6, found -0.1"},
    {"decode: {temperature: inf}",
     "key `decode.temperature`: expected 0 or a number from 1e-6 to 1e6, found inf"},
    {"decode: {temperature: []}",
     "key `decode.temperature`: expected at least one value, found an empty list"},
    {"decode: {top_p: 0}", "key `decode.top_p`: expected a number above 0 and at most 1, found 0"},
    {"decode: {top_p: 1.01}", "key `decode.top_p`: expected a number above 0 and at most 1, found 1.01"},
    {"decode: {top_k: -1}", "key `decode.top_k`: expected a whole number from 0 to 2147483647, found -1"},
    {"decode: {top_k: 0.5}", "key `decode.top_k`: expected a whole number from 0 to 2147483647, found 0.5"},
    {"decode: {min_p: 2}", "key `decode.min_p`: expected a number from 0 to 1, found 2"},
    {"decode: {max_tokens: 0}",
     "key `decode.max_tokens`: expected a whole number from 1 to 1000000, found 0"},
    {"decode: {stop: ['']}", "key `decode.stop`: expected text, found nothing"},
    {"decode: {stop: [a, a]}", "key `decode.stop`: expected each value once, found a again"},
    {"model: {dtype: bf61}",
     "key `model.dtype`: expected one of auto, bfloat16, float16, float32, found bf61"},
    {"model: {compute: float16}",
     "key `model.compute`: expected one of auto, bfloat16, float32, found float16 (did you mean "
     "\"bfloat16\"?)"},
    {"model: {tensor_parallel: 3}", "key `model.tensor_parallel`: expected 1, 2, 4 or 8, found 3"},
    {"model: {tensor_parallel: 16}",
     "key `model.tensor_parallel`: expected a whole number from 1 to 8, found 16"},
    {"engine: {device: gpu}",
     "key `engine.device`: expected one of auto, cpu, cuda, found gpu (did you mean \"cuda\"?)"},
    {"engine: {device: \"GPU:0\"}",
     "key `engine.device`: expected one of auto, cpu, cuda, found the text \"GPU:0\" (did you mean "
     "\"cuda\"?)"},
    {"engine: {device: CPU}",
     "key `engine.device`: expected one of auto, cpu, cuda, found CPU (did you mean \"cpu\"?)"},
    {"engine: {device: tpu}",
     "key `engine.device`: expected one of auto, cpu, cuda, found tpu (did you mean \"cpu\"?)"},
    {"engine: {device: [cpu]}", "key `engine.device`: expected one of auto, cpu, cuda, found a list"},
    {"engine: {kv_cache: 4XB}", "key `engine.kv_cache`: expected auto or a size such as 4GiB, found 4XB"},
    {"engine: {kv_cache: 0}", "key `engine.kv_cache`: expected auto or a size such as 4GiB, found 0"},
    {"engine: {kv_cache: -1GiB}", "key `engine.kv_cache`: expected auto or a size such as 4GiB, found -1GiB"},
    {"engine: {kv_cache: 99999999TiB}",
     "key `engine.kv_cache`: expected auto or a size such as 4GiB, found 99999999TiB"},
    {"engine: {max_batch: 0}", "key `engine.max_batch`: expected a whole number from 1 to 65536, found 0"},
    {"engine: {threads: -1}", "key `engine.threads`: expected a whole number from 0 to 4096, found -1"},
    {"k: [1, 17, 2, 64]", "key `k`: expected k of at most decode.samples, 16, found 17, 64"},
    {"k: [0]", "key `k`: expected a whole number from 1 to 2147483647, found 0"},
    {"k: []", "key `k`: expected at least one k, found an empty list"},
    {"k: [2, 2]", "key `k`: expected each value once, found 2 again"},
    {"task: again", "key `task`: expected it once, found it again (first at line 2)"},
    {"seed: !!int 3", "expected a value without a tag, found the tag tag:yaml.org,2002:int"},
    {"decode: !!python/object {}",
     "expected a value without a tag, found the tag tag:yaml.org,2002:python/object"},
    {"[1]: 2", "expected a key, found a list"},
    {"decode: {samples: 1, samples: 2}", "key `samples`: expected it once, found it again (first at line 3)"},
    {"seed: &a [*a]", "expected an alias of something complete, found an alias inside of what it names"},
};

TEST_F(JobTest, WrongValuesNameLineKeyAndWhatIsAllowed) {
  for (const Case& wrong : kCases) {
    EXPECT_EQ(error_of(pair_ + wrong.line + "\n"), std::string("ROOT/job.yaml:3: ") + wrong.expected)
        << wrong.line;
  }
}

TEST_F(JobTest, ErrorsInListsNameTheLineOfTheElement) {
  EXPECT_EQ(error_of(pair_ + "blend:\n  delta:\n    - 0\n    - x\n"),
            "ROOT/job.yaml:6: key `blend.delta`: expected a finite number, found x");
  EXPECT_EQ(error_of(pair_, {"decode.top_p=0"}),
            "--set decode.top_p=0: key `decode.top_p`: expected a number above 0 and at most 1, found 0");
}

TEST_F(JobTest, ANameStandsForOneFolder) {
  EXPECT_EQ(error_of("checkpoints: {step-0020: base}\ntask: task.yaml\nblend: {trajectory: ckpt/*}\n"),
            "ROOT/job.yaml:3: key `blend.trajectory`: expected another name than a checkpoint's, or the same "
            "folder, found ROOT/ckpt/step-0020 beside step-0020: ROOT/base");
  EXPECT_EQ(error_of("checkpoints: {step-0020: ckpt/step-0020}\ntask: task.yaml\n"
                     "blend: {trajectory: ckpt/*, delta: 0.5, early: step-0020, late: step-1120}\n"),
            "");
}

TEST_F(JobTest, GridsOfEndsAreLimited) {
  std::string names, deltas;
  for (int i = 0; i < 101; ++i) {
    names += (i == 0 ? "" : ", ") + ("a" + std::to_string(i)) + ": base";
    deltas += (i == 0 ? "" : ", ") + std::to_string(i);
  }
  EXPECT_EQ(error_of("checkpoints: {" + names + ", late: ckpt/step-1120}\ntask: task.yaml\n" +
                     "blend: {early: a*, delta: [" + deltas + "]}\n"),
            "ROOT/job.yaml:3: key `blend.delta`: expected a grid of at most 10000 arms, found 10201");
}

TEST_F(JobTest, WhatIsMissing) {
  EXPECT_EQ(error_of("task: task.yaml\n"),
            "ROOT/job.yaml: key `checkpoints`: expected at least one checkpoint, as a map of names to "
            "folders, found nothing");
  EXPECT_EQ(error_of("task: task.yaml\ncheckpoints: {}\n"),
            "ROOT/job.yaml: key `checkpoints`: expected at least one checkpoint, as a map of names to "
            "folders, found nothing");
  EXPECT_EQ(error_of("checkpoints: {a: base}\n"),
            "ROOT/job.yaml: key `task`: expected the task file, found nothing");
  EXPECT_EQ(error_of("checkpoints: {a: base}\ntask: base\n"),
            "ROOT/job.yaml:2: key `task`: expected an existing file, found ROOT/base, a folder");
  EXPECT_EQ(error_of("task: task.yaml\ncheckpoints:\n  a: base\n  b: nowhere\n"),
            "ROOT/job.yaml:4: key `checkpoints.b`: expected an existing folder, found ROOT/nowhere (No such "
            "file or directory)");
  EXPECT_EQ(
      error_of("task: task.yaml\ncheckpoints: {a: task.yaml}\n"),
      "ROOT/job.yaml:2: key `checkpoints.a`: expected an existing folder, found ROOT/task.yaml, a file");
  EXPECT_EQ(error_of("task: task.yaml\ncheckpoints: [base]\n"),
            "ROOT/job.yaml:2: key `checkpoints`: expected a map of names to folders, found a list");
  EXPECT_EQ(error_of("task: task.yaml\ncheckpoints: {'a,b': base}\n"),
            "ROOT/job.yaml:2: key `checkpoints`: expected names of at most 64 letters, digits, dots, "
            "underscores, plus and "
            "minus signs, found a,b");
  EXPECT_EQ(error_of("checkpoints: {a: base, late: base}\ntask: task.yaml\nblend: {delta: 0.5}\n"),
            "ROOT/job.yaml:3: key `blend.delta`: expected a checkpoint named `early` (or `blend.early` to "
            "name another), "
            "found a, late");
  EXPECT_THROW(load_job(folder_.path() / "no-such.yaml"), InputError);
}

TEST_F(JobTest, WhatIsNoJob) {
  EXPECT_EQ(error_of(""), "ROOT/job.yaml:1: expected a map of keys, found nothing");
  EXPECT_EQ(error_of("- a\n"), "ROOT/job.yaml:1: expected a map of keys, found a list");
  EXPECT_EQ(error_of(pair_ + "---\nseed: 1\n"),
            "ROOT/job.yaml: expected one YAML document, found a second one");
  EXPECT_EQ(error_of(pair_ + "seed: [1\n").substr(0, 16), "ROOT/job.yaml:4:");
  EXPECT_EQ(error_of(pair_ + "seed: *nobody\n").substr(0, 16), "ROOT/job.yaml:3:");
  EXPECT_NE(error_of(std::string((1 << 20) + 1, '#')), "");
}

TEST_F(JobTest, BombsAreRefusedAtOnce) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string self = std::to_string(i), inner = std::to_string(i - 1);
    bomb.append("a").append(self).append(": &a").append(self).append(" [*a").append(inner);
    for (int j = 1; j < 10; ++j) bomb.append(", *a").append(inner);
    bomb.append("]\n");
  }
  EXPECT_NE(error_of(bomb).find("expected at most 20000 values, aliases written out, found more"),
            std::string::npos);
  for (const char* open : {"[", "{a: ", "- ", "? "}) {
    std::string deep = "seed: ";
    if (open[0] == '-' || open[0] == '?') deep = "";
    for (int i = 0; i < 20000; ++i) deep += open;
    EXPECT_NE(error_of(deep), "") << open;
  }
  std::string many;
  for (int i = 0; i < 30000; ++i) many.append("k").append(std::to_string(i)).append(": 1\n");
  EXPECT_NE(error_of(many).find("found more"), std::string::npos);
  std::string grid = "decode: {temperature: [0";
  for (int i = 1; i < 5002; ++i) grid.append(", ").append(std::to_string(i));
  EXPECT_EQ(error_of(pair_ + grid + "]}\n"),
            "ROOT/job.yaml:3: key `decode.temperature`: expected a grid of at most 10000 arms, found 10004");
}

TEST_F(JobTest, AliasesInReasonAreFine) {
  const Job job = load("checkpoints: {early: &a base, late: ckpt/step-1120, again: *a}\ntask: task.yaml\n");
  EXPECT_EQ(job.arms[2].sampled_as, 0u);
}

}  // namespace
}  // namespace wisk::run
