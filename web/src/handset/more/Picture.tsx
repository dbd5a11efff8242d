import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Album } from "../photos";

/** A photo as it is kept here. */
export function Picture({ id, album, words }: { id: string; album: Album; words: string }) {
  const url = useSignal("");
  useEffect(() => {
    let gone = false;
    album.image(id).then(
      (image) => {
        if (image && !gone) url.value = URL.createObjectURL(image);
      },
      (error: unknown) => console.error(error),
    );
    return () => {
      gone = true;
      URL.revokeObjectURL(url.peek());
    };
  }, [id]);
  return url.value ? <img src={url.value} alt={words} /> : <span class="picture-none" />;
}

/** Kilobytes, whole. */
export const sizeText = (bytes: number): string => `${Math.ceil(bytes / 1000)} kB`;
