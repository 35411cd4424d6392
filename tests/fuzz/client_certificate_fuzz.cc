// SPDX-License-Identifier: Apache-2.0
// A client's certificate in DER. Nothing crashes; nobody becomes a client that is known; and what
// the log is told of it is one line of harmless characters.
#include "tls/client_certificates.h"

#include <openssl/x509.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

using postern::tls::ClientCertificates;

void require(bool truth) {
  if (!truth) std::abort();
}

/// An authority that has signed nothing, and a fingerprint that no certificate has.
constexpr std::string_view kAuthority = R"(-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUaLem67Wrqbu/NRAhRZNO2zac+hcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEzMDIyNDE0NFoYDzIxMjYxMTA2
MjI0MTQ0WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATMMouF4zFdO0myzztY/JmhxB9TPaY6Ud3TcP7lCzr/ul+x1dwYjAb6
ruUWeCVBcFZZtTaXJvYDKbHEL+Gz5eCNo1MwUTAdBgNVHQ4EFgQUVa31+Rf3cKCH
X0fX5OuGFxXHWJ8wHwYDVR0jBBgwFoAUVa31+Rf3cKCHX0fX5OuGFxXHWJ8wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA659hOwqMsYC78eDAbNCj
e48G3NTVGC7O9iT+AmUK8S0CIQDAS7F9q8f5SBpyhKZW0QEyO+BBxvcxu0gB2DUL
PPOQbw==
-----END CERTIFICATE-----
)";

std::shared_ptr<const ClientCertificates> known() {
  std::string file = "/tmp/postern-fuzz-XXXXXX";
  const int descriptor = ::mkstemp(file.data());
  require(descriptor >= 0);
  ::close(descriptor);
  std::ofstream(file) << kAuthority;
  const auto loaded = ClientCertificates::load({
      {"printer", std::string(64, '0'), "",                      ""},
      {"branch",         "",                "relay.branch.ru",          file}
  });
  std::remove(file.c_str());
  require(loaded.has_value());
  return *loaded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const ClientCertificates> clients = known();
  const unsigned char* at = data;
  X509* const certificate = d2i_X509(nullptr, &at, static_cast<long>(size));
  if (certificate == nullptr) return 0;
  const ClientCertificates::Answer answer = clients->identify(certificate, nullptr);
  const postern::tls::CertificateFacts facts = postern::tls::facts_of(certificate, "");
  X509_free(certificate);
  require(answer.name.empty());
  require(!answer.why.empty() && answer.why.size() < 1000);
  require(std::none_of(answer.why.begin(), answer.why.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  }));
  for (const std::string& name : facts.names) {
    require(std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    require(facts.covers(name) || name.ends_with('.'));
  }
  return 0;
}
