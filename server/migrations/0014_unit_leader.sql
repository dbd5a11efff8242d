-- Who leads a unit, how to reach people by telephone, and what a leader was asked when nobody of his unit answered.

ALTER TABLE officer ADD COLUMN phone text NOT NULL DEFAULT '' CHECK (length(phone) <= 32);
ALTER TABLE unit ADD COLUMN leader_id uuid REFERENCES officer;   -- of the crew, or who leads the shift

-- By unit; its call sign is that of the unit which the leader is in himself.
CREATE VIEW unit_leader AS
SELECT unit.id AS unit_id,
       jsonb_build_object('badge', officer.badge, 'name', officer.name, 'phone', officer.phone,
                          'call_sign', home.call_sign) AS leader
FROM unit
JOIN officer ON officer.id = unit.leader_id
LEFT JOIN unit_officer ON unit_officer.officer_id = officer.id
LEFT JOIN unit AS home ON home.id = unit_officer.unit_id;
GRANT SELECT ON unit_leader TO ridgeline_app;

ALTER TABLE escalation
    ADD COLUMN leader             jsonb,                         -- as the roster had him then; NULL: no leader
    ADD COLUMN leader_devices     text[] NOT NULL DEFAULT '{}',  -- that he was asked on
    ADD COLUMN leader_answer      text CHECK (leader_answer IN ('accepted', 'declined')),
    ADD COLUMN leader_reason      text NOT NULL DEFAULT '',
    ADD COLUMN leader_answered_at timestamptz;
