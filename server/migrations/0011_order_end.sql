-- Whether the unit knows that its order is over; and escalations by their order.

ALTER TABLE dispatch_order ADD COLUMN end_received_at timestamptz; -- by the first of its devices
UPDATE dispatch_order SET end_received_at = closed_at WHERE closed_at IS NOT NULL;

CREATE INDEX escalation_by_order ON escalation (order_id);
