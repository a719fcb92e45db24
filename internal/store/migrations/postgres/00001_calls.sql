-- +goose Up
CREATE TABLE calls (
  id TEXT PRIMARY KEY, body TEXT NOT NULL, called TEXT NOT NULL, calling TEXT NOT NULL, anonymous BOOLEAN NOT NULL, trunk TEXT NOT NULL,
  sip_call_id TEXT NOT NULL, language TEXT NOT NULL, queue TEXT NOT NULL, agent TEXT NOT NULL,
  arrived_at BIGINT NOT NULL, answered_at BIGINT NOT NULL, bridged_at BIGINT NOT NULL, ended_at BIGINT NOT NULL,
  wait_ms BIGINT NOT NULL, talk_ms BIGINT NOT NULL, total_ms BIGINT NOT NULL,
  outcome TEXT NOT NULL, ended_by TEXT NOT NULL, reason TEXT NOT NULL, status BIGINT NOT NULL, last_seq BIGINT NOT NULL
);
CREATE INDEX calls_arrived ON calls (arrived_at, id);
CREATE INDEX calls_calling ON calls (calling);
CREATE INDEX calls_agent ON calls (agent, arrived_at);
CREATE TABLE call_steps (
  event_id TEXT PRIMARY KEY, call TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL, agent TEXT NOT NULL,
  kind TEXT NOT NULL, version BIGINT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX call_steps_call ON call_steps (call, seq);
CREATE TABLE agent_moves (
  event_id TEXT PRIMARY KEY, agent TEXT NOT NULL, body TEXT NOT NULL, at BIGINT NOT NULL,
  from_state TEXT NOT NULL, to_state TEXT NOT NULL, reason TEXT NOT NULL, call TEXT NOT NULL
);
CREATE INDEX agent_moves_agent ON agent_moves (agent, at);
CREATE TABLE alarms (
  event_id TEXT PRIMARY KEY, at BIGINT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE skipped (
  seq BIGINT PRIMARY KEY, reason TEXT NOT NULL
);
CREATE TABLE projection (
  name TEXT PRIMARY KEY, seq BIGINT NOT NULL
);

-- +goose Down
DROP TABLE projection;
DROP TABLE skipped;
DROP TABLE alarms;
DROP TABLE agent_moves;
DROP TABLE call_steps;
DROP TABLE calls;
