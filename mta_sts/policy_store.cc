// SPDX-License-Identifier: Apache-2.0
#include "mta_sts/policy_store.h"

#include "base/durable_file.h"
#include "dns/name.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace postern::mta_sts {
namespace {

namespace fs = std::filesystem;

/// What stands before the policy's own lines: "postern-sts 1 SECONDS ID".
constexpr std::string_view kMagic = "postern-sts 1 ";

std::optional<std::string> content_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string out;
  out.resize(2 * kMostOctets);
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

/// A clock that was wrong when it was written must not make it last for ever.
bool lasts(const StoredPolicy& policy, WallTime now) {
  return policy.fetched <= now + std::chrono::hours(1) && policy.ends() > now;
}

}  // namespace

std::string format_stored(const StoredPolicy& policy) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(policy.fetched.time_since_epoch());
  std::string out = fmt::format("{}{} {}\n", kMagic, seconds.count(), policy.id);
  for (const std::string& line : lines_of(policy.policy))
    out += line + "\n";
  return out;
}

std::optional<StoredPolicy> parse_stored(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (!text.starts_with(kMagic) || end == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(kMagic.size(), end - kMagic.size());
  std::int64_t seconds = 0;
  const auto [at, ec] = std::from_chars(head.data(), head.data() + head.size(), seconds);
  constexpr std::int64_t kMost = 8'000'000'000;  // what the clock can hold
  if (ec != std::errc() || seconds < 0 || seconds > kMost) return std::nullopt;
  const std::string_view id = head.substr(static_cast<std::size_t>(at - head.data()));
  if (!id.starts_with(' ')) return std::nullopt;
  const Result<Policy, std::string> policy = parse_policy(text.substr(end + 1));
  if (!policy) return std::nullopt;
  const WallTime fetched{std::chrono::seconds(seconds)};
  return StoredPolicy{*policy, std::string(id.substr(1)), fetched};
}

std::map<std::string, StoredPolicy> PolicyStore::load(WallTime now, std::size_t most) {
  std::map<std::string, StoredPolicy> out;
  if (folder_.empty()) return out;
  std::error_code ec;
  std::vector<fs::path> useless;
  for (fs::directory_iterator at(folder_, ec), end; !ec && at != end; at.increment(ec)) {
    const std::string name = at->path().filename().string();
    const std::optional<std::string> text = content_of_file(at->path());
    std::optional<StoredPolicy> policy = text ? parse_stored(*text) : std::nullopt;
    const bool is_good = policy && lasts(*policy, now) && dns::query_name(name) == name;
    if (is_good && out.size() < most) {
      out.emplace(name, *std::move(policy));
    } else {
      useless.push_back(at->path());
    }
  }
  for (const fs::path& path : useless)
    fs::remove(path, ec);
  return out;
}

std::optional<StoredPolicy> PolicyStore::find(const std::string& domain, WallTime now) const {
  const std::optional<std::string> name = dns::query_name(domain);
  if (folder_.empty() || !name) return std::nullopt;
  const std::optional<std::string> text = content_of_file(fs::path(folder_) / *name);
  std::optional<StoredPolicy> policy = text ? parse_stored(*text) : std::nullopt;
  if (policy && !lasts(*policy, now)) policy.reset();
  return policy;
}

std::error_code PolicyStore::trouble(const std::string& domain) const {
  const std::optional<std::string> name = dns::query_name(domain);
  if (folder_.empty() || !name) return {};
  const bool reads = ::access((fs::path(folder_) / *name).c_str(), R_OK) == 0;
  if (reads || errno == ENOENT || errno == ENOTDIR) return {};
  return {errno, std::system_category()};
}

bool PolicyStore::save(const std::string& domain, const StoredPolicy& policy) {
  if (folder_.empty()) return true;
  std::error_code ec;
  if (fs::create_directories(folder_, ec)) fs::permissions(folder_, fs::perms::owner_all, ec);
  return write_file_durably(folder_, domain, format_stored(policy));
}

void PolicyStore::remove(const std::string& domain) {
  std::error_code ec;
  if (!folder_.empty()) fs::remove(fs::path(folder_) / domain, ec);
}

}  // namespace postern::mta_sts
