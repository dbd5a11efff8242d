-- Whether the orders of its unit go to a device: as was said of it, or as its kind.
CREATE FUNCTION takes_orders(device) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce($1.shows_orders, $1.kind IN ('handset', 'body_camera')) $$;
