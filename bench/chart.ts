import { median, sizeName } from './statistics.ts'
import type { Measured } from './throughput.ts'

const WIDTH = 720
const HEIGHT = 340
const MARGIN = { left: 50, right: 190, top: 30, bottom: 40 }
const COLOURS = ['#2f6fb2', '#c2554a', '#4c9a6a', '#c9922e']
const SERVERS = ['blobcached, 2 workers', 'blobcached']

/** The part of the ideal by file size, one line a server and operation, as an SVG for docs/benchmarks.md. */
export function throughputChart(all: readonly Measured[]): string {
  const sizes = [...new Set(all.map(({ size }) => size))].sort((a, b) => a - b)
  const shown = all.filter(
    ({ toIdeal, contender }) => toIdeal.length && SERVERS.includes(contender),
  )
  const top = Math.max(1.1, ...shown.flatMap(({ toIdeal }) => toIdeal))
  const [right, bottom] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom]
  const step = (right - MARGIN.left) / Math.max(1, sizes.length - 1)
  const x = (size: number) => MARGIN.left + sizes.indexOf(size) * step
  const y = (part: number) => bottom - (part / top) * (bottom - MARGIN.top)

  const lines = (['GET', 'PUT'] as const)
    .flatMap((operation) => SERVERS.map((contender) => ({ operation, contender })))
    .map(({ operation, contender }, index) => {
      const points = shown.filter((m) => m.operation === operation && m.contender === contender)
      return series(`${operation}, ${contender.slice(12) || '1 process'}`, COLOURS[index]!, points)
    })
  function series(name: string, colour: string, points: readonly Measured[]): string {
    const at = points.map(({ size, toIdeal }) => [x(size), y(median(toIdeal)), toIdeal] as const)
    const marks = at.map(
      ([cx, cy, parts]) =>
        `<line x1="${cx}" x2="${cx}" y1="${y(Math.min(...parts)).toFixed(1)}" y2="${y(Math.max(...parts)).toFixed(1)}" stroke="${colour}"/>` +
        `<circle cx="${cx}" cy="${cy.toFixed(1)}" r="3" fill="${colour}"/>`,
    )
    const path = at.map(([cx, cy]) => `${cx},${cy.toFixed(1)}`).join(' ')
    const [, last = 0] = at.at(-1) ?? []
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${marks.join('')}` +
      `<text x="${right + 8}" y="${(last + 4).toFixed(1)}" fill="${colour}">${name}</text>`
    )
  }
  const ticks = [0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<line x1="${MARGIN.left}" x2="${right}" y1="${y(part)}" y2="${y(part)}" stroke="${part === 1 ? '#888' : '#8884'}"/>` +
      `<text x="${MARGIN.left - 8}" y="${y(part) + 4}" text-anchor="end" fill="#888">${part}</text>`,
  )
  const labels = sizes.map(
    (size) =>
      `<text x="${x(size)}" y="${HEIGHT - 14}" text-anchor="middle" fill="#888">${sizeName(size)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Requests a second in parts of the ideal, by file size</title>
<text x="${MARGIN.left}" y="18" fill="#888">requests a second ÷ ideal</text>
${[...ticks, ...labels, ...lines].join('\n')}
</svg>
`
}
