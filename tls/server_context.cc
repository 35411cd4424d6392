// SPDX-License-Identifier: Apache-2.0
// Contexts of listeners: certificates by the client's server name, session tickets, and who the
// client is by its own certificate.
#include "tls/client_certificates.h"
#include "tls/context.h"
#include "tls/error.h"
#include "tls/key_material.h"
#include "tls/server_peer.h"
#include "tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace postern::tls {
namespace {

/// Mozilla's "intermediate" groups.
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr int kTicketIv = 16;  ///< octets of AES-CBC's

/// What belongs to an SSL_CTX of a listener: it goes with the context, which OpenSSL keeps for as
/// long as any session uses it.
struct ServerExtras {
  std::shared_ptr<TicketKeys> tickets;
  std::shared_ptr<const ClientCertificates> clients;
  /// Contexts of server names other than the default's; null: the default's own. Wildcards stand
  /// here as they are written.
  std::map<std::string, SSL_CTX*, std::less<>> by_name;
  std::vector<Owned<SSL_CTX>> others;
};

void free_extras(void*, void* extras, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<ServerExtras*>(extras);
}

int extras_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_extras);
  return index;
}

ServerExtras* extras_of(const SSL_CTX* context) {
  return static_cast<ServerExtras*>(SSL_CTX_get_ex_data(context, extras_index()));
}

int choose_by_name(SSL* ssl, int*, void*) {
  const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const ServerExtras* const extras = extras_of(SSL_get_SSL_CTX(ssl));
  if (asked == nullptr || extras == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const std::string host = plain_host(asked);
  auto found = extras->by_name.find(host);
  if (found == extras->by_name.end()) found = extras->by_name.find(wildcard_over(host));
  if (found == extras->by_name.end()) return SSL_TLSEXT_ERR_NOACK;
  if (found->second != nullptr && SSL_set_SSL_CTX(ssl, found->second) == nullptr)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  return SSL_TLSEXT_ERR_OK;
}

bool set_mac(EVP_MAC_CTX* mac, const TicketKeys::Key& key) {
  std::array<unsigned char, 32> octets = key.mac;
  std::array<char, 7> digest{"SHA256"};
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, octets.data(), octets.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  const bool done = EVP_MAC_CTX_set_params(mac, params) == 1;
  OPENSSL_cleanse(octets.data(), octets.size());
  return done;
}

/// OpenSSL's contract: -1 an error, 0 no key for it, 1 done, 2 done and the client shall get a
/// fresh one.
int seal_ticket(SSL* ssl,
                TicketKeys& keys,
                unsigned char* name,
                unsigned char* iv,
                EVP_CIPHER_CTX* cipher,
                EVP_MAC_CTX* mac) {
  // A session whose client has shown a certificate is not resumed: a ticket does not hold the chain
  // that vouches for it. With TLS 1.3 no ticket is asked for.
  if (SSL_get0_peer_certificate(ssl) != nullptr) return 0;
  std::optional<TicketKeys::Key> key = keys.current();
  if (!key || RAND_bytes(iv, kTicketIv) != 1) return -1;
  std::copy(key->name.begin(), key->name.end(), name);
  const bool done =
      EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher.data(), iv, nullptr) == 1 &&
      set_mac(mac, *key);
  OPENSSL_cleanse(&*key, sizeof(*key));
  return done ? 1 : -1;
}

int open_ticket(SSL* ssl,
                TicketKeys& keys,
                const unsigned char* name,
                const unsigned char* iv,
                EVP_CIPHER_CTX* cipher,
                EVP_MAC_CTX* mac) {
  std::optional<TicketKeys::Found> found =
      keys.find(std::span<const unsigned char, 16>(name, std::size_t{16}));
  if (!found) return 0;
  const bool done =
      set_mac(mac, found->key) &&
      EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), found->key.cipher.data(), iv, nullptr) == 1;
  OPENSSL_cleanse(&found->key, sizeof(found->key));
  if (!done) return -1;
  // With TLS 1.3 a ticket is for one connection (RFC 8446 appendix C.4).
  return !found->is_current || SSL_version(ssl) >= TLS1_3_VERSION ? 2 : 1;
}

int use_ticket_key(SSL* ssl,
                   unsigned char* name,
                   unsigned char* iv,
                   EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac,
                   int sealing) {
  const ServerExtras* const extras = extras_of(SSL_get_SSL_CTX(ssl));
  if (extras == nullptr) return -1;
  return sealing == 1 ? seal_ticket(ssl, *extras->tickets, name, iv, cipher, mac)
                      : open_ticket(ssl, *extras->tickets, name, iv, cipher, mac);
}

/// Any certificate is let through; who its owner is, is looked at behind the handshake
/// (describe_client). A client whose certificate says nothing to us is served as anybody.
int let_through(X509_STORE_CTX* check, void*) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (ssl != nullptr) SSL_set_num_tickets(ssl, 0);
  X509_STORE_CTX_set_error(check, X509_V_ERR_APPLICATION_VERIFICATION);
  return 1;
}

bool ask_for_certificate(SSL_CTX* context, const ClientCertificates& clients) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &let_through, nullptr);
  for (X509* const authority : clients.authorities()) {
    if (SSL_CTX_add_client_CA(context, authority) != 1) return false;
  }
  return true;
}

/// Sessions are resumed among contexts that say the same of their clients.
bool set_session_context(SSL_CTX* context, const ServerExtras& extras) {
  const std::string text =
      "postern" + (extras.clients ? extras.clients->digest() : std::string("asks for none"));
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return SSL_CTX_set_session_id_context(
             context, digest.data(), static_cast<unsigned>(digest.size())) == 1;
}

Owned<SSL_CTX> blank_context(const ServerSettings& settings) {
  Owned<SSL_CTX> context = new_context(TLS_server_method(), kIntermediate);
  if (!context) return nullptr;
  auto extras = std::make_unique<ServerExtras>();
  extras->tickets = settings.tickets;
  extras->clients = settings.clients;
  SSL_CTX* const native = context.get();
  // Mail servers keep one session a server, and one that is resumed brings the next. Making a
  // second ticket costs a twelfth of a handshake.
  SSL_CTX_set_num_tickets(native, 1);
  SSL_CTX_set_dh_auto(native, 1);
  SSL_CTX_set_timeout(native, static_cast<long>(settings.tickets->period().count()));
  const bool done = SSL_CTX_set1_groups_list(native, kGroups) == 1 &&
                    SSL_CTX_set_tlsext_ticket_key_evp_cb(native, &use_ticket_key) == 1 &&
                    set_session_context(native, *extras) &&
                    (!settings.clients || ask_for_certificate(native, *settings.clients)) &&
                    SSL_CTX_set_ex_data(native, extras_index(), extras.get()) == 1;
  if (!done) return nullptr;
  extras.release();
  return context;
}

/// Which pairs serve a name: one a key type, exact names before wildcards, earlier ones first.
using Choice = std::vector<std::size_t>;

bool has_name(const LoadedPair& pair, const std::string& name) {
  const std::vector<std::string>& names = pair.facts.names;
  return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
}

void add_choices(const std::vector<LoadedPair>& pairs, const std::string& name, Choice& out) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto same_type = [&](std::size_t k) {
      return pairs[k].facts.key_type == pairs[i].facts.key_type;
    };
    if (has_name(pairs[i], name) && std::none_of(out.begin(), out.end(), same_type))
      out.push_back(i);
  }
}

Choice choice_for(const std::vector<LoadedPair>& pairs, const std::string& name) {
  Choice out;
  add_choices(pairs, name, out);
  add_choices(pairs, wildcard_over(name), out);
  std::sort(out.begin(), out.end());
  return out;
}

/// Without a server name: the first pair, and those of other key types that share a name with it.
Choice default_choice(const std::vector<LoadedPair>& pairs) {
  Choice out{0};
  for (const std::string& name : pairs.front().facts.names)
    add_choices(pairs, name, out);
  std::sort(out.begin(), out.end());
  return out;
}

/// Which pair could not be used, by OpenSSL's rules (a key that is too short).
std::optional<ContextError> use_pairs(SSL_CTX* context,
                                      const std::vector<LoadedPair>& pairs,
                                      const Choice& choice) {
  for (const std::size_t i : choice) {
    const LoadedPair& pair = pairs[i];
    const Owned<STACK_OF(X509)> chain(sk_X509_new_null());
    for (const Owned<X509>& link : pair.chain)
      sk_X509_push(chain.get(), link.get());
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(context, pair.certificate.get(), pair.key.get(), chain.get(), 1) !=
        1)
      return ContextError{pair.facts.file, take_error_text()};
  }
  SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST);
  return std::nullopt;
}

std::optional<ContextError> add_names(SSL_CTX* context,
                                      const ServerSettings& settings,
                                      const std::vector<LoadedPair>& pairs,
                                      const Choice& by_default) {
  ServerExtras& extras = *extras_of(context);
  std::map<Choice, SSL_CTX*> made{
      {by_default, nullptr}
  };
  for (const LoadedPair& pair : pairs) {
    for (const std::string& name : pair.facts.names) {
      const Choice choice = choice_for(pairs, name);
      const auto [at, is_new] = made.emplace(choice, nullptr);
      if (is_new) {
        Owned<SSL_CTX> other = blank_context(settings);
        if (!other) return ContextError{"", take_error_text()};
        if (auto problem = use_pairs(other.get(), pairs, choice)) return problem;
        at->second = other.get();
        extras.others.push_back(std::move(other));
      }
      extras.by_name.emplace(name, at->second);
    }
  }
  SSL_CTX_set_tlsext_servername_callback(context, &choose_by_name);
  return std::nullopt;
}

}  // namespace

Result<std::shared_ptr<const Context>, ContextError> Context::server(
    const std::vector<KeyPair>& pairs) {
  ServerSettings settings;
  settings.certificates = pairs;
  return server(settings);
}

Result<std::shared_ptr<const Context>, ContextError> Context::server(
    const ServerSettings& settings) {
  if (settings.certificates.empty())
    return ContextError{"", "a TLS server needs a certificate and a key"};
  std::vector<LoadedPair> pairs;
  std::vector<CertificateFacts> facts;
  for (const KeyPair& files : settings.certificates) {
    Result<LoadedPair, ContextError> pair = load_pair(files);
    if (!pair) return pair.error();
    facts.push_back(pair->facts);
    pairs.push_back(*std::move(pair));
  }
  Owned<SSL_CTX> context = blank_context(settings);
  if (!context) return ContextError{"", take_error_text()};
  const Choice by_default = default_choice(pairs);
  if (auto problem = use_pairs(context.get(), pairs, by_default)) return *problem;
  if (auto problem = add_names(context.get(), settings, pairs, by_default)) return *problem;
  return std::shared_ptr<const Context>(new Context(context.release(), std::move(facts)));
}

void describe_client(SSL* ssl, Info& info) {
  const ServerExtras* const extras = extras_of(SSL_get_SSL_CTX(ssl));
  X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (extras == nullptr || !extras->clients || certificate == nullptr) return;
  ClientCertificates::Answer answer =
      extras->clients->identify(certificate, SSL_get_peer_cert_chain(ssl));
  info.verified = !answer.name.empty();
  info.client = std::move(answer.name);
  info.client_problem = std::move(answer.why);
}

}  // namespace postern::tls
