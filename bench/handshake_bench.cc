// SPDX-License-Identifier: Apache-2.0
// TLS handshakes of a listener's context with a client of OpenSSL's own, over memory: what a
// handshake costs both ends together, without a network.
#include "tests/tls/memory_handshake.h"
#include "tests/tls/test_certificate.h"

#include <benchmark/benchmark.h>

#include <memory>

namespace postern::tls {
namespace {

using test::KeyType;

struct Contexts {
  test::TemporaryDirectory directory;
  std::shared_ptr<const Context> ecdsa = make(KeyType::ecdsa);
  std::shared_ptr<const Context> rsa = make(KeyType::rsa);

  static const Contexts& get() {
    static const Contexts instance;
    return instance;
  }

 private:
  std::shared_ptr<const Context> make(KeyType type) const {
    return *Context::server({test::make_certificate(directory, "mail.example.com", type)});
  }
};

void full(benchmark::State& state, const std::shared_ptr<const Context> Contexts::*which) {
  const Context& context = *(Contexts::get().*which);
  test::ClientSpec spec;
  spec.server_name = "mail.example.com";
  spec.version = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const test::MemoryHandshake handshake(context, spec);
    if (!handshake.succeeded()) state.SkipWithError("no handshake");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(full, ecdsa, &Contexts::ecdsa)->Arg(TLS1_3_VERSION)->Arg(TLS1_2_VERSION);
BENCHMARK_CAPTURE(full, rsa, &Contexts::rsa)->Arg(TLS1_3_VERSION)->Arg(TLS1_2_VERSION);

void resumed(benchmark::State& state) {
  const Context& context = *Contexts::get().ecdsa;
  test::ClientSpec spec;
  spec.server_name = "mail.example.com";
  spec.version = static_cast<int>(state.range(0));
  test::MemoryHandshake first(context, spec);
  const test::SessionPtr session(first.session());
  for (auto _ : state) {
    // OpenSSL lets a session of TLS 1.3 be used once.
    const test::SessionPtr copy(SSL_SESSION_dup(session.get()));
    spec.session = copy.get();
    const test::MemoryHandshake handshake(context, spec);
    if (!handshake.resumed()) state.SkipWithError("not resumed");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(resumed)->Arg(TLS1_3_VERSION)->Arg(TLS1_2_VERSION);

}  // namespace
}  // namespace postern::tls
