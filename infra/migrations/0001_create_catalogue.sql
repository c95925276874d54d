-- The shop's catalogue. `number` is the item's stable integer for life: it is never reused (AUTOINCREMENT).
CREATE TABLE items (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  item_id      TEXT    NOT NULL UNIQUE,
  version      INTEGER NOT NULL,             -- grows by one with each change of `item` or `deleted`
  content_hash TEXT    NOT NULL,             -- what the encoder reads; see shared/schema/item.ts
  item         TEXT    NOT NULL,             -- JSON of the clean item
  findings     TEXT    NOT NULL DEFAULT '[]',
  duplicate_of TEXT,                         -- item_id of the first item with the same content
  deleted      INTEGER NOT NULL DEFAULT 0,
  batch_id     TEXT    NOT NULL,             -- the last batch that wrote this row, changed or not
  updated_at   INTEGER NOT NULL              -- unix milliseconds
) STRICT;
CREATE INDEX items_by_content ON items (content_hash, number);
CREATE INDEX items_by_batch ON items (batch_id);

-- Outbox: written in the same D1 batch as the items; a row is `done` once the index shows all its items.
CREATE TABLE batches (
  batch_id     TEXT    PRIMARY KEY,
  state        TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead-letter')),
  items        INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  sent_at      INTEGER,                      -- last time a queue message for it was sent
  sends        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX batches_pending ON batches (created_at) WHERE state = 'pending';

CREATE TABLE quarantine (
  quarantine_id TEXT    PRIMARY KEY,
  item_id       TEXT,
  raw           TEXT    NOT NULL,            -- the row as received, JSON
  findings      TEXT    NOT NULL,
  batch_id      TEXT    NOT NULL,
  received_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_by_time ON quarantine (received_at);

CREATE TABLE dead_letters (
  dead_letter_id TEXT    PRIMARY KEY,
  queue          TEXT    NOT NULL,
  body           TEXT    NOT NULL,
  reason         TEXT    NOT NULL,
  received_at    INTEGER NOT NULL,
  replayed_at    INTEGER
) STRICT;

CREATE TABLE idempotency (
  idempotency_key TEXT    PRIMARY KEY,       -- prefixed by the id of the API key
  request_hash    TEXT    NOT NULL,
  reply           TEXT    NOT NULL,
  created_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
  key_hash   TEXT    PRIMARY KEY,            -- SHA-256 hex of the key; the key itself is never stored
  key_id     TEXT    NOT NULL UNIQUE,
  scope      TEXT    NOT NULL CHECK (scope IN ('public', 'secret')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER                         -- unix milliseconds; null = never
) STRICT;
