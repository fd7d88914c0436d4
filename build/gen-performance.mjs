// SPDX-License-Identifier: Apache-2.0
// The tables of docs/performance.md from what `make bench` has kept in bench/results/, so that a number is written once.
// A table stands between `<!-- table: name -->` and `<!-- end -->`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const page = 'docs/performance.md'

function results(name) {
  const file = `bench/results/${name}.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

const digits = (value) => {
  if (typeof value !== 'number') return value ?? ''
  if (Number.isInteger(value)) return String(value)
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)
}

function markdown(titles, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(titles), `|${titles.map(() => '-').join('|')}|`, ...rows.map((row) => line(row.map(digits)))].join('\n')
}

/** Rows grouped by some of their fields: [[values, rows], …], in the order they come. */
function grouped(rows, ...keys) {
  const groups = new Map()
  for (const row of rows) {
    const values = keys.map((key) => row[key])
    const id = JSON.stringify(values)
    if (!groups.has(id)) groups.set(id, [values, []])
    groups.get(id)[1].push(row)
  }
  return [...groups.values()]
}

const find = (rows, wanted) => rows.find((row) => Object.entries(wanted).every(([key, value]) => row[key] === value))
const ratio = (a, b) => (a && b ? a / b : '')
const times = (a, b) => (a && b ? `${(a / b).toFixed(2)}x` : '')
const wasm = (rows) => rows.filter(({ simd }) => simd !== 'native')

/** WebAssembly in the engines that have peers. */
function inference({ rows }) {
  const titles = [
    'net',
    'threads',
    'engine',
    'ours, SIMD',
    'ours, relaxed',
    'onnxruntime-web',
    'TensorFlow.js wasm',
    'faster, SIMD',
    'faster, relaxed',
  ]
  const lines = grouped(wasm(rows), 'model', 'threads', 'batch', 'engine').map(
    ([[model, threads, batch, engine], group]) => {
      const ms = (runtime, simd) => find(group, { runtime, simd })?.ms_median
      const [plain, relaxed] = [ms('portafilter', 'simd'), ms('portafilter', 'relaxed')]
      const peers = [ms('onnxruntime-web', 'simd'), ms('tfjs-wasm', 'simd')]
      const there = peers.filter(Boolean)
      if (!there.length) return undefined
      const best = Math.min(...there)
      const name = batch === 1 ? model : `${model}, batch ${batch}`
      return [name, threads, engine, plain, relaxed, ...peers, times(best, plain), times(best, relaxed)]
    },
  )
  return markdown(titles, lines.filter(Boolean))
}

/** What each engine costs relative to the current Node, and what the second thread gains. */
function engines({ rows }) {
  const ours = wasm(rows).filter(({ runtime, batch }) => runtime === 'portafilter' && batch === 1)
  const lines = grouped(ours, 'model', 'simd', 'engine').map(([[model, simd, engine], group]) => {
    const one = find(group, { threads: 1 })?.ms_median
    const two = find(group, { threads: 2 })?.ms_median
    const node = find(ours, { model, simd, engine: 'node-26', threads: 1 })?.ms_median
    return [model, simd, engine, one, two, times(one, two), times(one, node)]
  })
  return markdown(
    ['net', 'build', 'engine', '1 thread', '2 threads', 'gain by the second', 'time relative to Node 26'],
    lines,
  )
}

function native({ rows }) {
  const lines = grouped(
    rows.filter(({ simd }) => simd === 'native'),
    'model',
    'threads',
    'batch',
  ).map(([[model, threads, batch], group]) => {
    const ours = find(group, { runtime: 'portafilter' })?.ms_median
    const theirs = find(group, { runtime: 'onnxruntime-node' })?.ms_median
    return [batch === 1 ? model : `${model}, batch ${batch}`, threads, ours, theirs, ratio(ours, theirs)]
  })
  return markdown(['net', 'threads', 'ours', 'onnxruntime-node', 'ours / theirs'], lines)
}

function products({ rows }) {
  const lines = rows
    .filter(({ size }) => size)
    .map((row) => {
      const { engine, simd, threads, product, size, gflops_median, gflops_best, peak, percent_of_peak } = row
      return [
        engine,
        simd,
        threads,
        product,
        size,
        gflops_median,
        gflops_best,
        peak,
        percent_of_peak && `${percent_of_peak} %`,
      ]
    })
  return markdown(
    ['engine', 'build', 'threads', 'product', 'n', 'GFLOP/s, median', 'best', 'peak of a core', 'best / peak'],
    lines,
  )
}

function forkJoin({ rows }) {
  const lines = rows.filter(({ us_overhead }) => us_overhead !== undefined)
  const titles = ['engine', 'build', 'one grain, one thread, us', 'two grains, two threads, us', 'fork and join, us']
  return markdown(
    titles,
    lines.map((row) => [row.engine, row.simd, row.us_alone, row.us_both, row.us_overhead]),
  )
}

function training({ rows }) {
  const lines = grouped(rows, 'model', 'runtime', 'engine', 'simd').map(([[model, runtime, engine, simd], group]) => {
    const one = find(group, { threads: 1 })
    const two = find(group, { threads: 2 })
    const who = runtime === 'portafilter' ? simd : `${runtime} (${one?.backend})`
    return [model, engine, who, one?.ms_median, two?.ms_median, times(one?.ms_median, two?.ms_median), one?.gflops]
  })
  return markdown(['net', 'engine', 'build', '1 thread', '2 threads', 'gain by the second', 'GFLOP/s, 1 thread'], lines)
}

function growth({ rows }) {
  const titles = [
    'net',
    'threads',
    'size',
    'batch',
    'ms for a picture',
    'than alone',
    'weights, MB',
    'arena',
    'peak',
    '(peak - arena - input) / weights',
    'grown by runs',
    'left after close',
  ]
  const lines = rows.map((row) => {
    const slower = row.percent_slower === undefined ? '' : `${row.percent_slower > 0 ? '+' : ''}${row.percent_slower} %`
    const { model, threads, size, batch, ms_per_picture, weights, arena, peak, of_weights, grown, left } = row
    return [model, threads, size, batch, ms_per_picture, slower, weights, arena, peak, of_weights, grown, left]
  })
  return markdown(titles, lines)
}

function cold({ rows }) {
  const titles = [
    '',
    'to the first result',
    'engine starts',
    'import',
    'open',
    'load',
    'first run',
    'of it plan',
    'second run',
    'compile alone',
  ]
  const lines = rows.map((row) => [
    row.runtime,
    row.ms_median,
    row.ms_start,
    row.ms_import,
    row.ms_open,
    row.ms_load,
    row.ms_first,
    row.ms_plan,
    row.ms_second,
    row.ms_compile,
  ])
  return markdown(titles, lines)
}

/** Every field of the rows as it is. */
function plain({ rows }) {
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return markdown(
    titles,
    rows.map((row) => titles.map((title) => row[title])),
  )
}

/** The tables by name: where their numbers lie, and how they are laid out. */
const tables = {
  inference: ['peers', inference],
  engines: ['peers', engines],
  native: ['peers', native],
  products: ['products', products],
  'fork-join': ['products', forkJoin],
  training: ['training', training],
  growth: ['growth', growth],
  cold: ['cold', cold],
  sizes: ['sizes', plain],
  int8: ['int8', plain],
}

function tableOf(name) {
  if (!Object.hasOwn(tables, name)) throw new Error(`${page}: there is no table "${name}"`)
  const [file, layout] = tables[name]
  const found = results(file)
  if (!found) return 'Not measured yet: `make bench` does it.'
  const { machine, engines: versions, date, commit } = found
  const where = Object.entries(versions).map(([label, version]) => `${label.replace(/-\d+$/, '')} ${version}`)
  return `${layout(found)}\n\n${date}, ${machine.cpu}, ${machine.cores} cores; ${where.join(', ')}; commit ${commit}.`
}

/** The page as it should be. */
function renewed(text) {
  const pattern = /(<!-- table: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g
  return text.replace(pattern, (_, begin, name, end) => `${begin}\n${tableOf(name)}\n\n${end}`)
}

/** For `make check`. */
export function performancePage() {
  const text = readFileSync(page, 'utf8')
  return text === renewed(text) ? [] : [`${page}: its tables are not those of bench/results (make docs)`]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, renewed(readFileSync(page, 'utf8')))
