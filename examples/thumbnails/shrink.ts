import { PNG } from 'pngjs'

/** Returns the image scaled down to `width`. Each pixel is the mean of those it replaces. */
export function shrink(png: Buffer, width: number): Buffer {
  const image = PNG.sync.read(png)
  const scale = Math.max(1, image.width / width)
  const size = (length: number) => Math.max(1, Math.floor(length / scale))
  const small = new PNG({ width: size(image.width), height: size(image.height) })
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      small.data.set(mean(image, x * scale, y * scale, scale), (y * small.width + x) * 4)
    }
  }
  return PNG.sync.write(small)
}

function mean({ width, height, data }: PNG, left: number, top: number, side: number): number[] {
  const sums = [0, 0, 0, 0]
  let count = 0
  for (let y = Math.floor(top); y < Math.min(height, top + side); y++) {
    for (let x = Math.floor(left); x < Math.min(width, left + side); x++) {
      for (let channel = 0; channel < 4; channel++) {
        sums[channel]! += data[(y * width + x) * 4 + channel]!
      }
      count++
    }
  }
  return sums.map((sum) => Math.round(sum / count))
}
