// Which labels have room. Values in, values out.

/** Pixels of the screen. */
export interface Box {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
}

/** Of the coarse grid that boxes are looked up in. */
const CELL_PX = 64;

/** What is taken: first come, first served. */
export class Room {
  private readonly cells = new Map<number, Box[]>();

  take(box: Box): void {
    for (const key of keysOf(box)) {
      const there = this.cells.get(key);
      if (there) there.push(box);
      else this.cells.set(key, [box]);
    }
  }

  isFree(box: Box): boolean {
    return keysOf(box).every((key) => !this.cells.get(key)?.some((other) => overlaps(box, other)));
  }
}

const overlaps = (a: Box, b: Box): boolean =>
  a.minX < b.maxX && b.minX < a.maxX && a.minY < b.maxY && b.minY < a.maxY;

function keysOf({ minX, minY, maxX, maxY }: Box): number[] {
  const found: number[] = [];
  for (let x = Math.floor(minX / CELL_PX); x <= maxX / CELL_PX; x++) {
    for (let y = Math.floor(minY / CELL_PX); y <= maxY / CELL_PX; y++) found.push(x * 0x10000 + y);
  }
  return found;
}
