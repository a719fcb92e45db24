-- +goose Up
CREATE TABLE records (
  kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, valid_from INTEGER NOT NULL, valid_until INTEGER,
  body TEXT NOT NULL, document TEXT, applied_by TEXT NOT NULL, applied_at INTEGER NOT NULL, reason TEXT NOT NULL, revision INTEGER NOT NULL,
  PRIMARY KEY (kind, id, version)
) WITHOUT ROWID;
CREATE INDEX records_body ON records (body, kind);
CREATE INDEX records_revision ON records (revision);
CREATE TABLE record_revisions (
  revision INTEGER PRIMARY KEY, applied_by TEXT NOT NULL, applied_at INTEGER NOT NULL, versions INTEGER NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE record_revisions;
DROP TABLE records;
