// SPDX-License-Identifier: Apache-2.0
#include "tls/context.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

namespace postern::tls {
namespace {

using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

void add(const Digest& digest, const std::string& octets) {
  EVP_DigestUpdate(digest.get(), octets.data(), octets.size());
}

/// False: it cannot be read.
bool add_file(const Digest& digest, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string octets((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) return false;
  add(digest, octets);
  return true;
}

/// Its files by name, size and time: OpenSSL reads each when it is wanted, and never again.
void add_directory(const Digest& digest, const std::string& directory) {
  std::error_code ec;
  std::set<std::string> lines;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator at(directory, ec); !ec && at != end; at.increment(ec)) {
    std::error_code gone;
    const auto time = at->last_write_time(gone).time_since_epoch().count();
    const std::uintmax_t size = at->file_size(gone);
    lines.insert(at->path().string() + ' ' + std::to_string(time) + ' ' + std::to_string(size));
  }
  for (const std::string& line : lines)
    add(digest, line + '\n');
}

std::string setting(const char* variable, const char* otherwise) {
  const char* const set = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return set != nullptr ? set : otherwise;
}

/// Two that are equal stand for the same authorities; empty: it cannot be told.
std::string state_of(const std::string& ca) {
  const Digest digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1) return {};
  if (ca.empty()) {
    // As SSL_CTX_set_default_verify_paths(): either may be missing.
    add_file(digest, setting(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
    std::string paths = setting(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()) + ':';
    for (std::size_t colon = 0; (colon = paths.find(':')) != std::string::npos;) {
      add_directory(digest, paths.substr(0, colon));
      paths.erase(0, colon + 1);
    }
  } else if (!add_file(digest, ca)) {
    return {};
  }
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  auto* const octets = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_DigestFinal_ex(digest.get(), octets, &size) != 1) return {};
  out.resize(size);
  return out;
}

}  // namespace

Result<std::shared_ptr<const Context>, ContextError> ClientContexts::get(const std::string& ca) {
  const std::lock_guard lock(mutex_);
  const auto found = contexts_.find(ca);
  if (found != contexts_.end()) return found->second.context;
  std::string state = state_of(ca);
  auto made = Context::verifying_client(ca);
  if (made) contexts_.emplace(ca, Entry{*made, std::move(state)});
  return made;
}

std::vector<ContextError> ClientContexts::load(const std::set<std::string>& files) {
  std::vector<ContextError> out;
  std::map<std::string, Entry> before;
  {
    const std::lock_guard lock(mutex_);
    before = contexts_;
  }
  std::map<std::string, Entry> fresh;
  for (const std::string& ca : files) {
    // First: what changes while it is read differs the next time.
    std::string state = state_of(ca);
    const auto known = before.find(ca);
    if (known != before.end() && !state.empty() && known->second.state == state) continue;
    auto made = Context::verifying_client(ca);
    if (made) fresh.emplace(ca, Entry{*made, std::move(state)});
    if (!made) out.push_back(made.error());
  }
  const std::lock_guard lock(mutex_);
  for (auto& [ca, entry] : contexts_) {
    if (files.contains(ca)) fresh.emplace(ca, std::move(entry));
  }
  contexts_ = std::move(fresh);
  return out;
}

bool ClientContexts::is_current(const std::string& ca, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = contexts_.find(ca);
  return found != contexts_.end() && found->second.context->number() == number;
}

}  // namespace postern::tls
