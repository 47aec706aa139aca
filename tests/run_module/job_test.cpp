#include <wisk/run/job.hpp>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <wisk/core/file.hpp>

#include "job_fixture.hpp"

namespace wisk::run {
namespace {

const char* const kFullJob = R"(# every key once
name: "a name: with colon"
seed: 18446744073709551615
checkpoints: {early: ckpt/step-0112, late: ./ckpt/../ckpt/step-1120/, third: base}
blend:
  method: linear
  delta: [0, 0.1, 1.5, -0.25]
  weights: [{late: 2, third: 1}, {early: 1e-3, late: +0.5}]
  normalize: true
  trajectory: "ckpt/step-*"
decode:
  samples: 12
  temperature: [1.0, 0.70]
  top_p: 0.95
  top_k: [0, 40]
  min_p: 0.05
  max_tokens: 256
  stop: ["\n\nQ:", "a\tb", 'say "x" \ y', "é#", " - ", "true", "1"]
task: task.yaml
model: {dtype: bfloat16, compute: float32, tensor_parallel: 2}
engine: {device: cuda, share_gpu: true, graphs: false, kv_cache: 1.5GiB, max_batch: 8, prefill_chunk: 32, threads: 2, save_seconds: 12.5, heartbeat_seconds: 0,
         disk_wait_seconds: 7}
durability: strict
k: [8, 1, 12]
)";

const char* const kFullResolved = R"(name: "a name: with colon"
seed: 18446744073709551615
checkpoints: {early: ROOT/ckpt/step-0112, late: ROOT/ckpt/step-1120, third: ROOT/base}
blend:
  method: linear
  trajectory: [ROOT/ckpt/step-0020, ROOT/ckpt/step-0112, ROOT/ckpt/step-1120]
  delta: [0, 0.1, 1.5, -0.25]
  early: early
  late: late
  weights: [{late: 2, third: 1}, {early: 0.001, late: 0.5}]
  normalize: true
decode:
  samples: 12
  temperature: [1, 0.7]
  top_p: [0.95]
  top_k: [0, 40]
  min_p: [0.05]
  max_tokens: 256
  stop: ["\n\nQ:", "a\x09b", "say \"x\" \\ y", "é#", " - ", "true", "1"]
task: ROOT/task.yaml
model:
  dtype: bfloat16
  compute: float32
  tensor_parallel: 2
engine:
  device: cuda
  share_gpu: true
  graphs: false
  kv_cache: 1536MiB
  max_batch: 8
  prefill_chunk: 32
  threads: 2
  save_seconds: 12.5
  heartbeat_seconds: 0
  disk_wait_seconds: 7
durability: strict
k: [1, 8, 12]
)";

TEST_F(JobTest, EveryKeyIsRead) {
  const Job job = load(kFullJob);
  EXPECT_EQ(with_root(job.resolved_yaml), kFullResolved);
  EXPECT_EQ(job.name, "a name: with colon");
  EXPECT_EQ(job.seed, ~std::uint64_t{0});
  ASSERT_EQ(job.checkpoints.size(), 3u);
  EXPECT_EQ(job.checkpoints[1].name, "late");
  EXPECT_EQ(job.checkpoints[1].folder, folder_.path() / "ckpt/step-1120");
  EXPECT_EQ(job.task, folder_.path() / "task.yaml");
  EXPECT_EQ(job.model.dtype, DType::kBFloat16);
  EXPECT_EQ(job.model.compute, DType::kFloat32);
  EXPECT_EQ(job.model.tensor_parallel, 2);
  EXPECT_EQ(job.engine.device, DeviceChoice::kCuda);
  EXPECT_TRUE(job.engine.share_gpu);
  EXPECT_FALSE(job.engine.graphs);
  EXPECT_EQ(job.engine.kv_cache_bytes, std::uint64_t{3} << 29);
  EXPECT_EQ(job.engine.max_batch, 8);
  EXPECT_EQ(job.engine.prefill_chunk, 32);
  EXPECT_EQ(job.engine.threads, 2);
  EXPECT_EQ(job.engine.save_seconds, 12.5);
  EXPECT_EQ(job.engine.heartbeat_seconds, 0);
  EXPECT_EQ(job.engine.disk_wait_seconds, 7);
  EXPECT_TRUE(job.engine.strict_durability);
  EXPECT_EQ(job.k, (std::vector<std::int64_t>{1, 8, 12}));
  const auto& decode = job.arms.back().decode;
  EXPECT_EQ(decode.samples, 12);
  EXPECT_EQ(decode.temperature, 0.7);
  EXPECT_EQ(decode.top_p, 0.95);
  EXPECT_EQ(decode.top_k, 40);
  EXPECT_EQ(decode.min_p, 0.05);
  EXPECT_EQ(decode.max_tokens, 256);
  EXPECT_EQ(decode.stop,
            (std::vector<std::string>{"\n\nQ:", "a\tb", "say \"x\" \\ y", "é#", " - ", "true", "1"}));
}

TEST_F(JobTest, DefaultsFillTheRest) {
  const Job job = load("checkpoints: {only: base}\ntask: task.yaml\n");
  EXPECT_EQ(with_root(job.resolved_yaml), R"(name: job
seed: 0
checkpoints: {only: ROOT/base}
blend:
  method: linear
  trajectory: []
  delta: []
  early: early
  late: late
  weights: []
  normalize: false
decode:
  samples: 16
  temperature: [1]
  top_p: [1]
  top_k: [0]
  min_p: [0]
  max_tokens: 512
  stop: []
task: ROOT/task.yaml
model:
  dtype: auto
  compute: auto
  tensor_parallel: 1
engine:
  device: auto
  share_gpu: false
  graphs: true
  kv_cache: auto
  max_batch: auto
  prefill_chunk: auto
  threads: 0
  save_seconds: 300
  heartbeat_seconds: 60
  disk_wait_seconds: 60
durability: batched
k: [1, 2, 4, 8, 16]
)");
  EXPECT_EQ(job.model.dtype, std::nullopt);
  EXPECT_EQ(job.model.compute, std::nullopt);
  EXPECT_EQ(job.engine.device, DeviceChoice::kAuto);
  EXPECT_FALSE(job.engine.share_gpu);
  EXPECT_TRUE(job.engine.graphs);
  EXPECT_EQ(job.engine.kv_cache_bytes, 0u);
}

void expect_same(const Job& a, const Job& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.resolved_yaml, b.resolved_yaml);
  EXPECT_EQ(a.result_keys, b.result_keys);
  EXPECT_EQ(a.k, b.k);
  ASSERT_EQ(a.arms.size(), b.arms.size());
  for (std::size_t i = 0; i < a.arms.size(); ++i) {
    EXPECT_EQ(a.arms[i].name, b.arms[i].name);
    EXPECT_EQ(a.arms[i].recipe.coefficients, b.arms[i].recipe.coefficients);
    EXPECT_EQ(a.arms[i].decode.stop, b.arms[i].decode.stop);
    EXPECT_EQ(a.arms[i].decode.temperature, b.arms[i].decode.temperature);
    EXPECT_EQ(a.arms[i].early, b.arms[i].early);
    EXPECT_EQ(a.arms[i].late, b.arms[i].late);
    EXPECT_EQ(a.arms[i].sampled_as, b.arms[i].sampled_as);
    EXPECT_EQ(std::memcmp(&a.arms[i].step, &b.arms[i].step, sizeof(double)), 0);
  }
}

TEST_F(JobTest, TheResolvedJobIsTheSameJobFromAnywhere) {
  const test::TempFolder elsewhere;
  for (const std::string& text :
       {std::string(kFullJob), pair_, pair_ + "blend: {delta: [0.1, 0.30000000000000004]}\n",
        pair_ + "blend: {trajectory: ckpt/*, early: [step-*, early], late: late, delta: [0, 0.5, 1]}\n",
        pair_ + "blend: {trajectory: ckpt/*, early: s*, late: '*-*', delta: 0.5, weights: {step-0020: 1}}\n",
        pair_ + "blend: {early: [e*, nobody], late: '*', delta: []}\n"}) {
    const Job job = load(text);
    expect_same(job, load_job(elsewhere.write("deeper/other.yaml", job.resolved_yaml)));
  }
}

TEST_F(JobTest, AwkwardPathsSurviveTheResolvedJob) {
  const test::TempFolder elsewhere;
  for (const char* name : {"x [1] *?/step 1", "x [1] *?/step 2", "it's: {a}, \"b\" #c"}) {
    std::filesystem::create_directories(folder_.path() / name);
  }
  folder_.write("x [1] *?/t.yaml", "");
  const auto file = folder_.write("x [1] *?/job.yaml",
                                  "checkpoints: {a: \"../it's: {a}, \\\"b\\\" #c\"}\n"
                                  "blend: {trajectory: step*}\ntask: t.yaml\n");
  const Job job = load_job(file);
  EXPECT_EQ(names_of(job), (std::vector<std::string>{"step 1", "step 2"}));
  EXPECT_TRUE(std::filesystem::exists(job.checkpoints[0].folder));
  expect_same(job, load_job(elsewhere.write("job.yaml", job.resolved_yaml)));
}

TEST_F(JobTest, RelativeJobFilesGiveAbsolutePaths) {
  const auto before = std::filesystem::current_path();
  folder_.write("job.yaml", pair_);
  std::filesystem::current_path(folder_.path());
  const Job job = load_job("job.yaml");
  std::filesystem::current_path(before);
  EXPECT_EQ(job.checkpoints[0].folder, std::filesystem::canonical(folder_.path()) / "ckpt/step-0112");
}

TEST_F(JobTest, OverridesWinOverTheFile) {
  const Job job = load(pair_ + "decode: {samples: 4, top_k: 3}\nseed: 1\n",
                       {"decode.samples=8", "seed=5", "blend.delta=[0, 0.5]",
                        "checkpoints.third=" + (folder_.path() / "base").string()});
  EXPECT_EQ(job.seed, 5u);
  EXPECT_EQ(names_of(job), (std::vector<std::string>{"delta=0", "delta=0.5"}));
  EXPECT_EQ(job.arms[0].decode.samples, 8);
  EXPECT_EQ(job.arms[0].decode.top_k, 3);
  EXPECT_EQ(job.k, (std::vector<std::int64_t>{1, 2, 4, 8}));
  EXPECT_EQ(job.checkpoints.size(), 3u);
  EXPECT_EQ(load(pair_ + "decode: {samples: 4, top_k: 3}\n", {"decode={samples: 2}"}).arms[0].decode.top_k,
            0);
  EXPECT_EQ(load(pair_, {"seed=1", "seed=2"}).seed, 2u);
  EXPECT_THROW(load(pair_, {"seed"}), UsageError);
  EXPECT_THROW(load(pair_, {"=1"}), UsageError);
}

std::map<std::string, std::string> identity(const Job& job) {
  return {job.result_keys.begin(), job.result_keys.end()};
}

TEST_F(JobTest, TheIdentityHoldsWhatChangesResultsAndNothingElse) {
  const std::string base = pair_ + "blend: {delta: [0, 1]}\n";
  const auto before = identity(load(base));
  const std::vector<std::string> indifferent = {"name=x",
                                                "engine.device=cpu",
                                                "engine.share_gpu=true",
                                                "engine.graphs=false",
                                                "engine.threads=3",
                                                "engine.max_batch=2",
                                                "engine.kv_cache=1GiB",
                                                "engine.prefill_chunk=7",
                                                "model.tensor_parallel=2"};
  for (const std::string& text : indifferent) EXPECT_EQ(identity(load(base, {text})), before) << text;
  const std::vector<std::string> changes = {"seed=1",
                                            "blend.delta=[0]",
                                            "blend.early=late",
                                            "blend.late=early",
                                            "blend.weights={early: 1}",
                                            "blend.normalize=true",
                                            "blend.trajectory=" + (folder_.path() / "ckpt/*").string(),
                                            "decode.samples=32",
                                            "decode.temperature=0.5",
                                            "decode.top_p=0.5",
                                            "decode.top_k=1",
                                            "decode.min_p=0.5",
                                            "decode.max_tokens=1",
                                            "decode.stop=x",
                                            "model.dtype=float32",
                                            "model.compute=float32",
                                            "k=1",
                                            "checkpoints.third=" + (folder_.path() / "base").string()};
  for (const std::string& text : changes) {
    const std::string key = text.starts_with("checkpoints") ? "checkpoints" : text.substr(0, text.find('='));
    // early = late would be an error of the grid, so the grid is taken away there.
    const bool is_end = key == "blend.early" || key == "blend.late";
    const std::string file = is_end ? pair_ : base;
    const auto reference = identity(load(file)), changed = identity(load(file, {text}));
    ASSERT_TRUE(reference.count(key)) << key;
    EXPECT_NE(reference.at(key), changed.at(key)) << text;
    if (key != "decode.samples") {  // which k follow from
      for (const auto& [other, value] : reference) {
        EXPECT_TRUE(other == key || changed.at(other) == value) << text << " changed " << other;
      }
    }
  }
  EXPECT_EQ(before.size(), changes.size() + 1);  // blend.method has one value only
  for (const auto& [key, value] : before)
    EXPECT_EQ(value.find(folder_.path().string()), std::string::npos) << key;
}

TEST(JobReference, TheDocumentHoldsTheTable) {
  const auto file = test::source_folder() / "docs/job-file.md";
  const std::string text = read_text(file);
  const std::size_t begin = text.find('\n', text.find("<!-- keys: begin")) + 1,
                    end = text.find("<!-- keys: end -->");
  ASSERT_LE(begin, end);
  const std::string table = job_key_reference();
  if (std::getenv("WISK_UPDATE_DOCS") != nullptr) {
    std::ofstream(file, std::ios::binary) << text.substr(0, begin) << table << text.substr(end);
    return;
  }
  EXPECT_EQ(text.substr(begin, end - begin), table) << "run this test with WISK_UPDATE_DOCS=1";
}

TEST_F(JobTest, TheExampleOfTheDocumentLoads) {
  const std::string text = read_text(test::source_folder() / "docs/job-file.md");
  const std::size_t begin = text.find("```yaml\n") + 8, end = text.find("```", begin);
  folder_.write("tasks/gsm8k.yaml", "");
  EXPECT_EQ(load(text.substr(begin, end - begin)).arms.size(), 5u);
}

TEST_F(JobTest, TheGridOfTheDocumentLoads) {
  std::filesystem::create_directories(folder_.path() / "ckpt/step-0224");
  const std::string text = read_text(test::source_folder() / "docs/job-file.md");
  const std::size_t begin = text.find("```yaml\n", text.find("## Arms")) + 8, end = text.find("```", begin);
  EXPECT_EQ(load(text.substr(begin, end - begin) + "task: task.yaml\n").arms.size(), 4u + 6u);
}

TEST_F(JobTest, DamagedTextIsAnInputErrorOrAJob) {
  std::mt19937 random(1);
  const std::string full = kFullJob;
  const std::string letters = "{}[]:,#&*!|>'\"%@`-? \n\t\\x0\x01\x80\xff";
  int loaded = 0;
  for (int i = 0; i < 300; ++i) {
    std::string text = full;
    for (int edits = static_cast<int>(random() % 4); edits >= 0; --edits) {
      const std::size_t at = random() % text.size();
      const char letter = letters[random() % letters.size()];
      if (random() % 3 == 0) {
        text.erase(at, random() % 20);
      } else if (random() % 2 == 0) {
        text.insert(at, 1, letter);
      } else {
        text[at] = letter;
      }
    }
    try {
      const Job job = load(text);
      ++loaded;
      EXPECT_EQ(load(job.resolved_yaml).resolved_yaml, job.resolved_yaml) << text;
    } catch (const InputError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(loaded, 0);
}

}  // namespace
}  // namespace wisk::run
