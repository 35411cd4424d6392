// SPDX-License-Identifier: Apache-2.0
// The database and its segments: what is in a frame is durable before it is in the log, and comes
// into the database from there where the log has lost it (README.md, "Segments").
#include "queue/spool/log_file.h"
#include "queue/spool/rocks_database.h"
#include "queue/spool/segment_opening.h"

#include <rocksdb/db.h>
#include <utility>

namespace postern::spool {

// ---- opening ----

rocksdb::Status RocksStore::Database::sync_logs() {
  for (const LogFile& log : logs_in(options.path)) {
    const rocksdb::IOStatus status = watch->sync_again(log.path);
    if (!status.ok()) return status;
  }
  log_owes = false;
  return rocksdb::Status::OK();
}

std::string RocksStore::Database::open_segments() {
  segments = std::make_unique<Segments>(
      Segments::Options{options.segments, options.segment_octets, watch});
  SegmentOpening opening(*db, *watch, options);
  std::string error = opening.run(*segments);
  findings = opening.take_findings();
  return error;
}

// ---- a group ----

void RocksStore::Database::put_sealed() {
  if (sealed == 0) return;
  put_sealed_key(batch, sealed);
  for (const FramePlace& frame : sealed_frames)
    batch.SingleDelete(frame_key(frame)).PermitUncheckedError();
}

rocksdb::Status RocksStore::Database::append_frame() {
  rocksdb::Status status = segments->begin_frame();
  if (!status.ok()) return status;
  const FrameHead& frame = segments->frame();
  for (std::size_t i = 0; i < frame.bodies.size(); ++i) {
    batch
        .Put(RocksKey(RocksSpace::segment_place, frame.bodies[i].id),
             encode_segment_place(segments->places()[i]))
        .PermitUncheckedError();
  }
  batch.Put(frame_key(frame.place), rocksdb::Slice()).PermitUncheckedError();
  return segments->append(batch.Data());
}

void RocksStore::Database::group_is_written(bool is_framed, bool durable) {
  written += batch.GetDataSize();
  sealed = 0;
  sealed_frames.clear();
  if (!is_framed && !durable) log_owes = true;
  if (!segments) return;
  if (is_framed) {
    open_frames.push_back(segments->frame().place);
    segments->keep();
    framed = segments->octets_written();
  }
  for (const MessageId id : leaving)
    segments->remove(id);
}

WriteOutcome RocksStore::Database::sync_log() {
  const WriteOutcome outcome = outcome_of(db->SyncWAL());
  if (outcome != WriteOutcome::ok) return WriteOutcome::failed;
  log_owes = false;
  if (!segments || !segments->is_full()) return outcome;
  sealed = segments->seal();
  sealed_frames = std::exchange(open_frames, {});
  return outcome;
}

WriteOutcome RocksStore::Database::write_group(bool durable) {
  // Write, then sync. Debian builds RocksDB with its assertions, and a file that is used again
  // after an error ends the process (WritableFileWriter, 7.8), unless the error was SyncWAL()'s;
  // after a failed sync by WriteOptions::sync it does.
  if (!db) return outcome_of(rocksdb::Status::NoSpace("the database could not be opened again"));
  put_sealed();
  const bool is_framed = segments && segments->has_staged();
  WriteOutcome outcome = is_framed ? outcome_of(append_frame()) : WriteOutcome::ok;
  if (outcome != WriteOutcome::ok) return outcome;
  const rocksdb::Status status = db->Write(rocksdb::WriteOptions(), &batch);
  outcome = outcome_of(status);
  // Its clients are told to come again: it must not come back from the segment as well.
  const bool stays = is_framed && !status.ok() && !segments->take_back().ok();
  must_reopen = must_reopen || !status.ok();
  if (outcome != WriteOutcome::ok) return stays ? WriteOutcome::failed : outcome;
  group_is_written(is_framed, durable);
  const bool syncs = durable && (!is_framed || log_owes);
  if (syncs || (segments && segments->is_full())) outcome = sync_log();
  if (outcome == WriteOutcome::ok && durable && segments) segments->removals_are_durable();
  return outcome;
}

}  // namespace postern::spool
