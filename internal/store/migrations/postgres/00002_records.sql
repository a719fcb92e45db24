-- +goose Up
CREATE TABLE records (
  kind TEXT NOT NULL, id TEXT NOT NULL, version BIGINT NOT NULL, valid_from BIGINT NOT NULL, valid_until BIGINT,
  body TEXT NOT NULL, document TEXT, applied_by TEXT NOT NULL, applied_at BIGINT NOT NULL, reason TEXT NOT NULL, revision BIGINT NOT NULL,
  PRIMARY KEY (kind, id, version)
);
CREATE INDEX records_body ON records (body, kind);
CREATE INDEX records_revision ON records (revision);
CREATE TABLE record_revisions (
  revision BIGINT PRIMARY KEY, applied_by TEXT NOT NULL, applied_at BIGINT NOT NULL, versions BIGINT NOT NULL
);

-- +goose Down
DROP TABLE record_revisions;
DROP TABLE records;
