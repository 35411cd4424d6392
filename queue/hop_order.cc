// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_order.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace postern::queue {
namespace {

using Hosts = std::vector<const routing::HostSpec*>;

/// RFC 2782: those of weight 0 first, in any order; here in one that favours none of them.
void zeros_first(Hosts::iterator begin, Hosts::iterator end, const Draw& draw) {
  const auto zeros =
      std::stable_partition(begin, end, [](const auto* h) { return h->weight == 0; });
  for (auto left = zeros - begin; left > 1; --left) {
    const std::uint64_t at = draw(static_cast<std::uint64_t>(left) - 1);
    std::iter_swap(begin + static_cast<std::ptrdiff_t>(at), begin + (left - 1));
  }
}

/// Orders hosts of one priority.
void order_equals(Hosts::iterator begin, Hosts::iterator end, const Draw& draw) {
  if (end - begin < 2) return;
  zeros_first(begin, end, draw);
  std::uint64_t sum = 0;
  for (auto at = begin; at != end; ++at)
    sum += (*at)->weight;
  for (; end - begin > 1 && sum > 0; ++begin) {
    const std::uint64_t drawn = draw(sum);
    std::uint64_t running = 0;
    auto chosen = begin;
    for (; chosen + 1 != end; ++chosen) {
      running += (*chosen)->weight;
      if (running >= drawn) break;
    }
    sum -= (*chosen)->weight;
    std::rotate(begin, chosen, chosen + 1);
  }
}

}  // namespace

std::vector<const routing::HostSpec*> in_order(std::span<const routing::HostSpec> hosts,
                                               const Draw& draw) {
  Hosts out;
  out.reserve(hosts.size());
  for (const routing::HostSpec& host : hosts)
    out.push_back(&host);
  std::stable_sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    return a->priority < b->priority;
  });
  for (auto begin = out.begin(); begin != out.end();) {
    const auto end = std::find_if(
        begin, out.end(), [&](const auto* host) { return host->priority != (*begin)->priority; });
    order_equals(begin, end, draw);
    begin = end;
  }
  return out;
}

std::size_t hosts_at_a_time(const routing::NextHop& hop) {
  std::size_t most = 1;
  if (!hop.weighted) return std::max(most, hop.hosts.size());
  // Asked for each letter: a few hosts are counted sooner than put into a map.
  for (const routing::HostSpec& host : hop.hosts) {
    const auto is_equal = [&host](const routing::HostSpec& other) {
      return other.priority == host.priority;
    };
    const auto equals = std::count_if(hop.hosts.begin(), hop.hosts.end(), is_equal);
    most = std::max(most, static_cast<std::size_t>(equals));
  }
  return most;
}

}  // namespace postern::queue
