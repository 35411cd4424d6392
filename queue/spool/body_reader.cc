// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/body_reader.h"

#include "base/crc32c.h"
#include "queue/spool/awaiting.h"
#include "queue/spool/errors.h"

#include <algorithm>
#include <utility>

namespace postern::spool {

/// Shared with the worker's task; only one of the two uses it at a time.
struct BodyReader::State {
  explicit State(Setup with) : setup(std::move(with)), chunks(setup.message->chunks()) {}

  /// A fresh message's file is still being written: what was posted before us has to be done first.
  bool may_be_unwritten() const {
    return setup.message->place() == BodyPlace::file && !source &&
           setup.message->stage() != Message::Stage::stored;
  }
  Result<Chunk> read();
  Result<Chunk> read_whole();
  Result<Chunk> read_piece();
  std::error_code damaged(std::string why) {
    setup.damaged(setup.message, std::move(why));
    return make_error_code(Errc::damaged);
  }

  Setup setup;
  std::vector<Chunk> chunks;  ///< what memory holds
  std::size_t next_chunk = 0;
  std::unique_ptr<BodyFiles::Source> source;
  std::uint64_t offset = 0;
  std::uint32_t crc = 0;
};

BodyReader::BodyReader(Setup setup) : state_(std::make_shared<State>(std::move(setup))) {}

std::uint64_t BodyReader::octets() const {
  return state_->setup.message->octets();
}

Result<Chunk> BodyReader::State::read_whole() {
  auto whole = setup.store->body(setup.message->id());
  if (!whole && whole.error() == make_error_code(Errc::read_failed)) return whole.error();
  if (!whole) return damaged("the body cannot be read: " + whole.error().message());
  if (whole->size() != setup.message->octets()) return damaged("the body has another size");
  offset = whole->size();
  return Chunk(std::make_shared<const std::string>(*std::move(whole)));
}

Result<Chunk> BodyReader::State::read_piece() {
  const std::uint64_t left = setup.message->octets() - offset;
  if (!source) {
    auto opened = setup.files->open(setup.message->id());
    if (!opened && opened.error() == make_error_code(Errc::read_failed)) return opened.error();
    if (!opened) return damaged("the body's file is missing");
    source = *std::move(opened);
  }
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, setup.piece_octets));
  auto piece = source->read(offset, size);
  if (!piece) return piece.error();
  if (piece->size() != size) return damaged("the body's file is too short");
  offset += size;
  crc = crc32c(*piece, crc);
  if (size == left && crc != setup.message->record().body_crc) {
    return damaged("the body's file has a wrong checksum");
  }
  return Chunk(std::make_shared<const std::string>(*std::move(piece)));
}

Result<Chunk> BodyReader::State::read() {
  if (setup.message->place() == BodyPlace::database) return read_whole();
  if (setup.files == nullptr) return make_error_code(Errc::damaged);
  return read_piece();
}

net::Awaitable<Result<Chunk>> BodyReader::next() {
  State& s = *state_;
  if (s.next_chunk < s.chunks.size()) {
    Chunk chunk = s.chunks[s.next_chunk++];
    s.offset += chunk->size();
    co_return chunk;
  }
  if (s.offset >= s.setup.message->octets()) co_return Chunk();
  auto start = [state = state_](Callback<void(Result<Chunk>)> done) {
    Worker::Task read = [state, done = std::move(done)]() mutable { done(state->read()); };
    if (!state->may_be_unwritten()) {
      state->setup.worker->post(std::move(read));
      return;
    }
    state->setup.writing->post(
        [state, read = std::move(read)]() mutable { state->setup.worker->post(std::move(read)); });
  };
  Result<Chunk> piece = co_await awaiting<Result<Chunk>>(std::move(start));
  co_return piece;
}

}  // namespace postern::spool
