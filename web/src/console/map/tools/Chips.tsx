// What the map does or hides that one must not forget, each with the way out of it.
//
// Marks for browser tests: following, following-release, hidden-roads.
import { Button } from "../../../shared/components/Button";
import { Icon } from "../../../shared/components/Icon";
import { callSign } from "../../commands";
import { cap } from "../../keys/table";
import { followedUnit, roads } from "../../store";
import { isOn, setLayer } from "./switches";
import { t } from "./words";

export function Chips() {
  return (
    <div class="map-chips">
      {followedUnit.value && <Following unitId={followedUnit.value} />}
      {!isOn("roads") && <HiddenRoads />}
    </div>
  );
}

function Following({ unitId }: { unitId: string }) {
  return (
    <p class="map-chip" data-testid="following" role="status">
      <Icon name="target" size={15} />
      {t("following", { unit: callSign(unitId) })}
      <Button
        kind="quiet"
        size="small"
        cap={cap("follow")}
        data-testid="following-release"
        onClick={() => {
          followedUnit.value = null;
        }}
      >
        {t("following.release")}
      </Button>
    </p>
  );
}

/** Nobody should send a unit over a closed road because the layer is off. */
function HiddenRoads() {
  const { states, conditions } = roads.value;
  const count = [...states, ...conditions].filter(({ status }) => status === "in_force").length;
  if (count === 0) return null;
  return (
    <p class="map-chip" data-tone="warn" data-testid="hidden-roads" role="status">
      <Icon name="alert" size={15} />
      {t("hidden.roads", { count })}
      <Button kind="quiet" size="small" onClick={() => setLayer("roads", true)}>
        {t("hidden.show")}
      </Button>
    </p>
  );
}
