// What benchmarks.console does inside a page. `pan` drags the map by events as a mouse makes them, once a
// frame, in a circle, and returns how long each frame took, ms.
const CIRCLE_PX = 220;
const CIRCLE_S = 4;

function pan(seconds) {
  const target = document.querySelector(".ol-viewport") ?? document.body;
  const { left, top, width, height } = target.getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  const send = (type, on, angle) =>
    on.dispatchEvent(
      new PointerEvent(type, {
        bubbles: true,
        cancelable: true,
        pointerId: 1,
        pointerType: "mouse",
        isPrimary: true,
        button: type === "pointermove" ? -1 : 0,
        buttons: type === "pointerup" ? 0 : 1,
        clientX: x + CIRCLE_PX * Math.cos(angle),
        clientY: y + CIRCLE_PX * Math.sin(angle),
      }),
    );
  return new Promise((resolve) => {
    const frames = [];
    let began = 0;
    let last = 0;
    send("pointerdown", target, 0);
    const step = (now) => {
      if (last) frames.push(now - last);
      began ||= now;
      last = now;
      const angle = (((now - began) / 1000) * 2 * Math.PI) / CIRCLE_S;
      send("pointermove", target, angle);
      if (now - began < seconds * 1000) requestAnimationFrame(step);
      else {
        send("pointerup", target, angle);
        resolve(frames);
      }
    };
    requestAnimationFrame(step);
  });
}
