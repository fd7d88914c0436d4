// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { scalingChart } from '../../src/training/scaling-chart.ts'

const chart = (rates: readonly number[]) =>
  scalingChart({
    title: 'Net <1>',
    subtitle: 'some GPU',
    series: [{ name: 'fp16', points: rates.map((imagesPerSecond, i) => ({ gpus: 2 ** i, imagesPerSecond })) }],
  })

const circles = (svg: string): [number, number][] =>
  [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])

test('equal ratios are equal distances, both ways', () => {
  const [a, b, c] = circles(chart([100, 180, 324]))
  assert.ok(Math.abs(b[0] - a[0] - (c[0] - b[0])) < 0.2)
  assert.ok(Math.abs(b[1] - a[1] - (c[1] - b[1])) < 0.2)
  assert.ok(b[0] > a[0] && b[1] < a[1])
})

test('scaling without loss lies on the ideal line, less lies below and is said', () => {
  const ideal = (svg: string) => Number(/y2="([\d.]+)" class="ideal"/.exec(svg)?.[1])
  const [perfect, lossy] = [chart([100, 200, 400]), chart([100, 190, 300])]
  assert.ok(Math.abs(circles(perfect)[2][1] - ideal(perfect)) < 0.2)
  assert.ok(circles(lossy)[2][1] > ideal(lossy) + 5)
  assert.match(lossy, />190 \(95\.0 %\)</)
  assert.match(lossy, />300 \(75\.0 %\)</)
})

test('it is well-formed, says what it shows, and has colours for light and dark', () => {
  const svg = chart([100])
  assert.match(svg, /<title>Net &#60;1&#62;<\/title>/)
  assert.match(svg, /GPUs \(logarithmic\)/)
  assert.match(svg, /images per second \(logarithmic\)/)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.not.match(svg, /NaN|Infinity|undefined/)
})

test.run()
