-- Events that were applied: inserting the same event twice changes nothing, and the trigger counts exactly once.
CREATE TABLE events_seen (
  event_id TEXT    PRIMARY KEY,
  user     TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  time_ms  INTEGER NOT NULL,
  session  TEXT,
  items    TEXT    NOT NULL                  -- JSON array of item numbers
) STRICT, WITHOUT ROWID;
CREATE INDEX events_seen_by_time ON events_seen (time_ms);
CREATE INDEX events_seen_by_session ON events_seen (user, session) WHERE kind = 'purchase';

-- Counts per item, kind and day (days since 1970-01-01 UTC): what "popular now" is computed from.
CREATE TABLE item_counts (
  number INTEGER NOT NULL,
  kind   TEXT    NOT NULL,
  day    INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (number, kind, day)
) STRICT, WITHOUT ROWID;

-- Co-purchase counts: pairs of item numbers bought by one user within a session, first < second.
CREATE TABLE pair_counts (
  first  INTEGER NOT NULL,
  second INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (first, second)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_seen_counted AFTER INSERT ON events_seen BEGIN
  INSERT INTO item_counts (number, kind, day, count)
    SELECT value, NEW.kind, NEW.time_ms / 86400000, 1 FROM json_each(NEW.items) WHERE true
    ON CONFLICT DO UPDATE SET count = count + 1;
  -- Pairs inside this purchase, and with earlier purchases of the same session.
  INSERT INTO pair_counts (first, second, count)
    SELECT min(a.value, b.value), max(a.value, b.value), 1
    FROM json_each(NEW.items) a, (
      SELECT value, 1 AS own FROM json_each(NEW.items)
      UNION ALL
      SELECT e.value, 0 FROM events_seen s, json_each(s.items) e
        WHERE NEW.session IS NOT NULL AND s.user = NEW.user AND s.session = NEW.session
          AND s.kind = 'purchase' AND s.event_id <> NEW.event_id
    ) b
    WHERE NEW.kind = 'purchase' AND ((b.own = 1 AND a.value < b.value) OR (b.own = 0 AND a.value <> b.value))
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
