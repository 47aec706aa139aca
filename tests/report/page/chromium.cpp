#include "report/page/chromium.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace wisk::test {
namespace {

using nlohmann::json;
constexpr int kLimitMilliseconds = 30'000;  // of silence
constexpr int kRead = 3, kWrite = 4;        // the descriptors of --remote-debugging-pipe

/// In the child: never returns. The pipes are moved out of the way first: they may be 3 or 4 themselves.
[[noreturn]] void start(std::vector<char*>& arguments, int in, int out) {
  ::setpgid(0, 0);
  const int high_in = ::fcntl(in, F_DUPFD, 10), high_out = ::fcntl(out, F_DUPFD, 10);
  ::dup2(high_in, kRead);
  ::dup2(high_out, kWrite);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int descriptor : {0, 1, 2}) ::dup2(null, descriptor);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

std::vector<std::string> command_of(const std::filesystem::path& profile) {
  std::vector<std::string> command = {chromium_program(),
                                      "--headless=new",
                                      "--no-sandbox",  // containers and root have none; the pages are our own
                                      "--remote-debugging-pipe",
                                      "--disable-gpu",
                                      "--no-first-run",
                                      "--disable-background-networking",
                                      "--disable-component-update",
                                      "--disable-dev-shm-usage",
                                      "--hide-scrollbars",
                                      "--user-data-dir=" + profile.string(),
                                      "about:blank"};
  return command;
}

/// RFC 4648.
std::string from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char letter : text) {
    const std::size_t digit = digits.find(letter);
    if (digit == std::string::npos) break;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return bytes;
}

void save(const std::filesystem::path& file, const std::string& base64) {
  std::ofstream(file, std::ios::binary) << from_base64(base64);
}

}  // namespace

std::string chromium_program() {
  std::istringstream folders(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
      const std::string file = folder + "/" + name;
      if (::access(file.c_str(), X_OK) == 0) return file;
    }
  }
  return "";
}

Chromium::Chromium(const std::filesystem::path& profile) {
  std::vector<std::string> command = command_of(profile);
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("pipe");
  id_ = ::fork();
  if (id_ == 0) start(arguments, in[0], out[1]);
  ::close(in[0]);
  ::close(out[1]);
  if (id_ < 0) throw std::runtime_error("fork");
  to_ = in[1];
  from_ = out[0];
  const std::string target = call("Target.createTarget", {{"url", "about:blank"}})["targetId"];
  session_ = call("Target.attachToTarget", {{"targetId", target}, {"flatten", true}})["sessionId"];
  for (const char* domain : {"Page", "Runtime", "Network", "Log"}) call(std::string(domain) + ".enable");
}

Chromium::~Chromium() {
  ::kill(-id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
  ::close(to_);
  ::close(from_);
}

json Chromium::receive() {
  for (;;) {
    const std::size_t end = buffer_.find('\0');
    if (end != std::string::npos) {
      json message = json::parse(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
      return message;
    }
    pollfd waiting{from_, POLLIN, 0};
    if (::poll(&waiting, 1, kLimitMilliseconds) <= 0) throw std::runtime_error("Chromium is silent");
    std::array<char, 65536> bytes{};
    const ssize_t got = ::read(from_, bytes.data(), bytes.size());
    if (got <= 0) throw std::runtime_error("Chromium has ended");
    buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  }
}

json Chromium::call(const std::string& method, const json& parameters) {
  const int id = ++next_;
  json message = {{"id", id}, {"method", method}, {"params", parameters}};
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t wrote = ::write(to_, text.data() + sent, text.size() - sent);
    if (wrote <= 0) throw std::runtime_error("Chromium does not listen");
    sent += static_cast<std::size_t>(wrote);
  }
  for (;;) {
    const json answer = receive();
    if (answer.value("id", 0) != id) {
      note(answer);
      continue;
    }
    if (answer.contains("error")) throw std::runtime_error(method + ": " + answer["error"].dump());
    return answer["result"];
  }
}

void Chromium::note(const json& event) {
  const std::string method = event.value("method", "");
  const json parameters = event.value("params", json::object());
  if (method == "Page.loadEventFired") loaded_ = true;
  if (method == "Runtime.exceptionThrown") complaints_.push_back(parameters["exceptionDetails"].dump());
  if (method == "Runtime.consoleAPICalled") complaints_.push_back(parameters["args"].dump());
  if (method == "Log.entryAdded") complaints_.push_back(parameters["entry"].dump());
  if (method == "Network.requestWillBeSent") {
    const std::string address = parameters["request"]["url"];
    if (address != own_ && address.rfind("blob:", 0) != 0) requests_.push_back(address);
  }
}

void Chromium::open(const std::filesystem::path& file, int width, int height, bool dark) {
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", width < 500}});
  call("Emulation.setEmulatedMedia",
       {{"features", {{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}}}});
  complaints_.clear();
  requests_.clear();
  loaded_ = false;
  own_ = "file://" + file.string();
  call("Page.navigate", {{"url", own_}});
  while (!loaded_) note(receive());
}

json Chromium::value(const std::string& expression) {
  const json answer =
      call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (answer.contains("exceptionDetails"))
    throw std::runtime_error(expression + ": " + answer["exceptionDetails"].dump());
  return answer["result"].value("value", json(nullptr));
}

void Chromium::click(double x, double y) {
  for (const char* type : {"mouseMoved", "mousePressed", "mouseReleased"})
    call("Input.dispatchMouseEvent",
         {{"type", type}, {"x", x}, {"y", y}, {"button", "left"}, {"clickCount", 1}});
}

void Chromium::click(const std::string& selector) {
  const json middle =
      value("(() => { const node = document.querySelector(" + json(selector).dump() +
            "); node.scrollIntoView({block: 'center'}); const box = node.getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()");
  click(middle[0].get<double>(), middle[1].get<double>());
}

void Chromium::press(const std::string& key, int code) {
  for (const char* type : {"rawKeyDown", "keyUp"})
    call("Input.dispatchKeyEvent",
         {{"type", type}, {"key", key}, {"code", key}, {"windowsVirtualKeyCode", code}});
}

void Chromium::download_into(const std::filesystem::path& folder) {
  call("Page.setDownloadBehavior", {{"behavior", "allow"}, {"downloadPath", folder.string()}});
}

void Chromium::screenshot(const std::filesystem::path& file) {
  const json answer = call("Page.captureScreenshot", {{"captureBeyondViewport", true}, {"format", "png"}});
  save(file, answer["data"]);
}

void Chromium::print(const std::filesystem::path& file) {
  save(file, call("Page.printToPDF", {{"printBackground", true}})["data"]);
}

}  // namespace wisk::test
