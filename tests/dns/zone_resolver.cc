// SPDX-License-Identifier: Apache-2.0
#include "tests/dns/zone_resolver.h"

#include "dns/name.h"

#include <optional>
#include <sstream>
#include <stdexcept>

namespace postern::test {
namespace {

using dns::Status;

constexpr std::chrono::seconds kTtl{300};

std::optional<Status> failure_marker(const std::string& word) {
  if (word == "SERVFAIL") return Status::server_failure;
  if (word == "TIMEOUT") return Status::timed_out;
  return std::nullopt;
}

void require(bool ok, std::string_view line) {
  if (!ok) throw std::invalid_argument("no zone record: " + std::string(line));
}

std::string name_of(const std::string& text, std::string_view line) {
  const auto name = dns::query_name(text);
  require(name.has_value(), line);
  return *name;
}

/// "10 mail.example.com." as a record.
dns::MxRecord to_mx(const std::string& data) {
  std::istringstream in(data);
  dns::MxRecord record;
  in >> record.preference >> record.exchange;
  require(!in.fail(), data);
  if (record.exchange.ends_with('.')) record.exchange.pop_back();
  return record;
}

/// "3 1 1 0badf00d" as a record.
TlsaRecord to_tlsa(const std::string& data) {
  std::istringstream in(data);
  unsigned usage = 0;
  unsigned selector = 0;
  unsigned matching = 0;
  std::string hex;
  in >> usage >> selector >> matching >> hex;
  require(!in.fail() && usage < 256 && selector < 256 && matching < 256 && hex.size() % 2 == 0,
          data);
  TlsaRecord record;
  record.usage = static_cast<std::uint8_t>(usage);
  record.selector = static_cast<std::uint8_t>(selector);
  record.matching = static_cast<std::uint8_t>(matching);
  for (std::size_t i = 0; i < hex.size(); i += 2)
    record.data += static_cast<char>(std::stoul(hex.substr(i, 2), nullptr, 16));
  return record;
}

}  // namespace

ZoneResolver::ZoneResolver(std::string_view zone) {
  std::istringstream lines{std::string(zone)};
  for (std::string line; std::getline(lines, line);)
    add(line);
}

void ZoneResolver::add(std::string_view line) {
  std::istringstream in(std::string(line.substr(0, line.find(';'))));
  std::string name;
  std::string type;
  if (!(in >> name)) return;
  if (name == "SECURE") {
    secure_ = true;
    return;
  }
  require(static_cast<bool>(in >> type), line);
  name = name_of(name, line);
  std::string data;
  std::getline(in >> std::ws, data);
  while (!data.empty() && (data.back() == ' ' || data.back() == '\r'))
    data.pop_back();
  if (const auto failure = failure_marker(type)) {
    names_[name]["*"].status = *failure;
    return;
  }
  if (type == "INSECURE") {
    names_[name][type];
    return;
  }
  require(!data.empty(), line);
  if (const auto failure = failure_marker(data)) {
    names_[name][type].status = *failure;
    return;
  }
  add_record(name, type, data);
}

void ZoneResolver::add_record(const std::string& name,
                              const std::string& type,
                              const std::string& data) {
  const std::string line = name + " " + type + " " + data;
  if (type == "MX") {
    to_mx(data);
  } else if (type == "A" || type == "AAAA") {
    const auto address = parse_ip(data);
    require(address && address->is_v4() == (type == "A"), line);
  } else if (type == "CNAME" || type == "PTR") {
    name_of(data, line);
  } else if (type == "TLSA") {
    to_tlsa(data);
  } else {
    require(type == "TXT", line);
  }
  names_[name][type].data.push_back(data);
}

const ZoneResolver::RecordSet* ZoneResolver::find(const std::string& name,
                                                  const std::string& type) const {
  const auto at = names_.find(name);
  if (at == names_.end()) return nullptr;
  const auto set = at->second.find(type);
  return set == at->second.end() ? nullptr : &set->second;
}

bool ZoneResolver::exists(const std::string& name) const {
  for (const auto& [known, sets] : names_) {
    if (known == name || known.ends_with("." + name)) return true;
  }
  return false;
}

std::string ZoneResolver::canonical(std::string name) const {
  for (int links = 0; links < 8; ++links) {
    const RecordSet* const alias = find(name, "CNAME");
    if (alias == nullptr || alias->status != Status::ok) break;
    name = *dns::query_name(alias->data.front());
  }
  return name;
}

Status ZoneResolver::status(const std::string& name, const std::string& type) const {
  if (const RecordSet* const all = find(name, "*")) return all->status;
  if (const RecordSet* const set = find(name, type)) return set->status;
  return exists(name) ? Status::no_data : Status::nx_domain;
}

bool ZoneResolver::is_secure(const std::string& name) const {
  return secure_ && find(name, "INSECURE") == nullptr;
}

bool ZoneResolver::is_secure_way(std::string name, const std::string& last) const {
  while (is_secure(name) && name != last)
    name = *dns::query_name(find(name, "CNAME")->data.front());
  return is_secure(name);
}

std::vector<std::string> ZoneResolver::data(const std::string& name,
                                            const std::string& type,
                                            Status& status) const {
  const auto asked = dns::query_name(name);
  status = asked ? this->status(*asked, type) : Status::bad_name;
  return status == Status::ok ? find(*asked, type)->data : std::vector<std::string>();
}

net::Awaitable<dns::TlsaAnswer> ZoneResolver::tlsa(std::string host, std::uint16_t port) {
  const std::string name = "_" + std::to_string(port) + "._tcp." + host;
  asked_.push_back("TLSA " + name);
  dns::TlsaAnswer answer;
  for (const std::string& text : data(name, "TLSA", answer.status))
    answer.records.push_back(to_tlsa(text));
  answer.secure = !dns::is_transient(answer.status) && is_secure(*dns::query_name(name));
  answer.ttl = kTtl;
  co_return answer;
}

net::Awaitable<dns::TextAnswer> ZoneResolver::txt(std::string name) {
  asked_.push_back("TXT " + name);
  dns::TextAnswer answer;
  answer.texts = data(name, "TXT", answer.status);
  answer.ttl = kTtl;
  co_return answer;
}

net::Awaitable<dns::NameAnswer> ZoneResolver::names(IpAddress address) {
  std::string name = "in-addr.arpa";  // IPv4 alone
  for (const unsigned char octet : address.to_v4().to_bytes())
    name.insert(0, std::to_string(octet) + ".");
  asked_.push_back("PTR " + name);
  dns::NameAnswer answer;
  for (const std::string& text : data(name, "PTR", answer.status))
    answer.names.push_back(*dns::query_name(text));
  answer.ttl = kTtl;
  co_return answer;
}

net::Awaitable<dns::MxAnswer> ZoneResolver::mx(std::string domain) {
  asked_.push_back("MX " + domain);
  dns::MxAnswer answer;
  const auto asked = dns::query_name(domain);
  if (!asked) {
    answer.status = Status::bad_name;
    co_return answer;
  }
  const std::string name = canonical(*asked);
  answer.status = status(name, "MX");
  answer.secure = !dns::is_transient(answer.status) && is_secure_way(*asked, name);
  if (answer.status != Status::ok) co_return answer;
  for (const std::string& data : find(name, "MX")->data)
    answer.records.push_back(to_mx(data));
  answer.ttl = kTtl;
  co_return answer;
}

net::Awaitable<dns::AddressAnswer> ZoneResolver::addresses(std::string host) {
  asked_.push_back("ADDRESSES " + host);
  dns::AddressAnswer answer;
  answer.ttl = kTtl;
  if (const auto literal = parse_ip(host)) {
    answer.addresses.push_back(*literal);
    co_return answer;
  }
  const auto asked = dns::query_name(host);
  if (!asked) {
    answer.status = Status::bad_name;
    co_return answer;
  }
  const std::string name = canonical(*asked);
  const Status v6 = status(name, "AAAA");
  const Status v4 = status(name, "A");
  for (const char* type : {"AAAA", "A"}) {
    if (status(name, type) != Status::ok) continue;
    for (const std::string& data : find(name, type)->data)
      answer.addresses.push_back(*parse_ip(data));
  }
  answer.canonical = name;
  answer.secure = is_secure_way(*asked, name);
  answer.secure_alias = !answer.secure && name != *asked && is_secure(*asked);
  if (!answer.addresses.empty()) co_return answer;
  answer.status = dns::is_transient(v4) ? v4 : v6;
  if (dns::is_transient(answer.status)) answer.secure = false;
  co_return answer;
}

}  // namespace postern::test
