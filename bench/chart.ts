import { sizeName } from './statistics.ts'
import type { Measured } from './throughput.ts'

const WIDTH = 720
const HEIGHT = 340
const MARGIN = { left: 70, right: 190, top: 30, bottom: 40 }
const COLOURS = ['#8a8a8a', '#c2554a', '#2f6fb2', '#4c9a6a', '#8b62b5', '#c9922e']

/** Throughput by file size, one line a server, as an SVG for docs/benchmarks.md. */
export function throughputChart(all: readonly Measured[]): string {
  const reads = all.filter((m) => m.operation === 'GET by name')
  const sizes = [...new Set(reads.map((m) => m.size))].sort((a, b) => a - b)
  const top = Math.max(...reads.map((m) => m.bytesPerSecond)) * 1.05
  const x = (size: number) =>
    MARGIN.left +
    (sizes.indexOf(size) / Math.max(1, sizes.length - 1)) * (WIDTH - MARGIN.left - MARGIN.right)
  const y = (speed: number) =>
    HEIGHT - MARGIN.bottom - (speed / top) * (HEIGHT - MARGIN.top - MARGIN.bottom)

  const names = [...new Set(reads.map((m) => m.contender))]
  const lines = names.map((name, index) => {
    const points = reads.filter((m) => m.contender === name)
    const path = points.map((m) => `${x(m.size).toFixed(1)},${y(m.bytesPerSecond).toFixed(1)}`)
    const last = points.at(-1)!
    const colour = COLOURS[index % COLOURS.length]
    const dots = path.map((point) => {
      const [cx, cy] = point.split(',')
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`
    })
    return (
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      dots.join('') +
      `<text x="${x(last.size) + 8}" y="${y(last.bytesPerSecond) + 4}" fill="${colour}">${name}</text>`
    )
  })
  const ticks = [0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(top * share)
    return (
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#8884"/>` +
      `<text x="${MARGIN.left - 8}" y="${at + 4}" text-anchor="end" fill="#888">${Math.round((top * share) / 1e6)}</text>`
    )
  })
  const labels = sizes.map(
    (size) =>
      `<text x="${x(size)}" y="${HEIGHT - 14}" text-anchor="middle" fill="#888">${sizeName(size)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>GET by name: MB/s by file size</title>
<text x="${MARGIN.left}" y="18" fill="#888">GET by name, MB/s</text>
${[...ticks, ...labels, ...lines].join('\n')}
</svg>
`
}
