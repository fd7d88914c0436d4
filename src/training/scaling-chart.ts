// SPDX-License-Identifier: Apache-2.0
// How training scales with the number of GPUs, as an SVG: images per second over GPUs, logarithmic both ways, so that
// scaling without loss is a straight line, which is drawn beside what was measured.

export interface ScalingPoint {
  readonly gpus: number
  readonly imagesPerSecond: number
}

export interface ScalingSeries {
  readonly name: string
  readonly points: readonly ScalingPoint[]
}

export interface ScalingChartOptions {
  title: string
  /** Machine, precision, batch, date. */
  subtitle: string
  /** What is counted along the x axis; GPUs unless told. */
  unit?: string
  series: readonly ScalingSeries[]
}

const width = 760
const height = 500
const area = { left: 84, right: 600, top: 84, bottom: 430 }
// Told apart also by those who see few colours, on white and on black.
const colours = ['#2f7ed8', '#d95f02', '#1b9e77', '#a05cc5']

const style = `
  svg { background: #fff; font: 13px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif }
  text { fill: #222 } .soft { fill: #555 } .axis { stroke: #555 } .grid { stroke: #e2e2e2 } .ideal { stroke: #888 }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c }
    text { fill: #eee } .soft { fill: #aaa } .axis { stroke: #aaa } .grid { stroke: #33373e } .ideal { stroke: #8a8a8a }
  }`

/** A logarithmic axis: from values to places. */
interface Axis {
  readonly low: number
  readonly high: number
  at(value: number): number
}

function axis(low: number, high: number, from: number, to: number): Axis {
  return { low, high, at: (value) => from + (Math.log(value / low) / Math.log(high / low)) * (to - from) }
}

/** 1, 2 and 5 of every decade, or powers of two, between two values. */
function ticks(low: number, high: number, steps: readonly number[], factor: number): number[] {
  const found: number[] = []
  const first = factor ** Math.floor(Math.log(low) / Math.log(factor))
  for (let unit = first; unit <= high; unit *= factor) {
    for (const step of steps) if (unit * step >= low * 0.999 && unit * step <= high * 1.001) found.push(unit * step)
  }
  return found
}

const round = (value: number): string => String(Math.round(value * 10) / 10)
const grouped = (value: number): string => Math.round(value).toLocaleString('en-US')
const short = (value: number): string => (value >= 10 ? grouped(value) : String(Number(value.toPrecision(2))))
const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(content)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, more: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${more}/>`
}

export function scalingChart({ title, subtitle, unit = 'GPUs', series }: ScalingChartOptions): string {
  const all = series.flatMap(({ points }) => points)
  const most = Math.max(2, ...all.map(({ gpus }) => gpus))
  const fewest = Math.min(...all.map(({ gpus }) => gpus))
  const ideals = series.map(({ points: [first] }) => ({ ...first, perGpu: first.imagesPerSecond / first.gpus }))
  const rates = [...all.map((p) => p.imagesPerSecond), ...ideals.map(({ perGpu }) => perGpu * most)]
  const x = axis(fewest / 1.12, most * 1.12, area.left, area.right)
  const y = axis(Math.min(...rates) / 1.3, Math.max(...rates) * 1.2, area.bottom, area.top)
  const counts = [...new Set([...ticks(fewest, most, [1], 2), ...all.map(({ gpus }) => gpus)])].sort((a, b) => a - b)
  const parts = [
    text(area.left, 34, title, 'font-size="19" font-weight="600"'),
    text(area.left, 56, subtitle, 'class="soft"'),
    ...frame(x, y, counts, unit),
    ...series.flatMap((one, i) => drawn(one, colours[i % colours.length], x, y, most)),
    ...legend(series),
  ]
  const box = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${box} role="img"><title>${escaped(title)}</title>`
  return `${head}<style>${style}</style>\n${parts.join('\n')}\n</svg>\n`
}

function frame(x: Axis, y: Axis, counts: readonly number[], unit: string): string[] {
  let rates = ticks(y.low, y.high, [1, 2, 5], 10)
  // Less than a decade deserves more lines.
  if (rates.length < 3) rates = ticks(y.low, y.high, [1, 1.5, 2, 3, 4, 5, 6, 8], 10)
  const middle = (area.top + area.bottom) / 2
  return [
    ...rates.map((rate) => line(area.left, y.at(rate), area.right, y.at(rate), 'class="grid"')),
    ...rates.map((rate) => text(area.left - 10, y.at(rate) + 4, short(rate), 'text-anchor="end"')),
    ...counts.map((count) => line(x.at(count), area.top, x.at(count), area.bottom, 'class="grid"')),
    ...counts.map((count) => text(x.at(count), area.bottom + 20, String(count), 'text-anchor="middle"')),
    line(area.left, area.bottom, area.right, area.bottom, 'class="axis"'),
    line(area.left, area.top, area.left, area.bottom, 'class="axis"'),
    text((area.left + area.right) / 2, area.bottom + 46, `${unit} (logarithmic)`, 'text-anchor="middle" class="soft"'),
    text(
      0,
      0,
      'images per second (logarithmic)',
      `transform="translate(22 ${round(middle)}) rotate(-90)" text-anchor="middle" class="soft"`,
    ),
  ]
}

function drawn({ points }: ScalingSeries, colour: string, x: Axis, y: Axis, most: number): string[] {
  const [first] = points
  const perGpu = first.imagesPerSecond / first.gpus
  const ideal = 'class="ideal" stroke-dasharray="5 5" stroke-width="1.5"'
  const path = points
    .map(({ gpus, imagesPerSecond }) => `${round(x.at(gpus))},${round(y.at(imagesPerSecond))}`)
    .join(' ')
  return [
    line(x.at(first.gpus), y.at(first.imagesPerSecond), x.at(most), y.at(perGpu * most), ideal),
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
    ...points.flatMap(({ gpus, imagesPerSecond }, i) => {
      const [cx, cy] = [x.at(gpus), y.at(imagesPerSecond)]
      const share = i === 0 ? '' : ` (${((100 * imagesPerSecond) / (perGpu * gpus)).toFixed(1)} %)`
      const side = i === 0 ? `text-anchor="start" font-weight="600"` : `text-anchor="end" font-weight="600"`
      return [
        `<circle cx="${round(cx)}" cy="${round(cy)}" r="4.5" fill="${colour}"/>`,
        text(cx + (i === 0 ? 10 : -10), cy + (i === 0 ? 18 : -10), `${short(imagesPerSecond)}${share}`, side),
      ]
    }),
  ]
}

function legend(series: readonly ScalingSeries[]): string[] {
  const left = area.right + 22
  const rows = series.flatMap(({ name }, i) => {
    const y = area.top + 14 + 24 * i
    const mark = `stroke="${colours[i % colours.length]}" stroke-width="2.5"`
    return [line(left, y, left + 22, y, mark), text(left + 30, y + 4, name)]
  })
  const y = area.top + 14 + 24 * series.length
  const dashes = 'class="ideal" stroke-dasharray="5 5" stroke-width="1.5"'
  return [...rows, line(left, y, left + 22, y, dashes), text(left + 30, y + 4, 'ideal', 'class="soft"')]
}
