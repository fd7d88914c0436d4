// SPDX-License-Identifier: Apache-2.0
// Names of classes: from a file beside the model, else ImageNet's when there are a thousand.
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'

/** The names that a labels file beside a model may have. */
const fileNames = ['labels.txt', 'synset_words.txt', 'classes.txt', 'labels.json']

/** One name a line, a leading WordNet id (n01440764) is left out; or a JSON list of names. */
export function parseLabels(text: string): string[] {
  if (text.trimStart().startsWith('[')) return parseJson(text).map(String)
  const lines = text.split(/\r?\n/).map((line) => line.replace(/^n\d{8}\s+/, '').trim())
  while (lines.length > 0 && lines[lines.length - 1] === '') lines.pop()
  return lines
}

function parseJson(text: string): unknown[] {
  try {
    return JSON.parse(text) as unknown[]
  } catch (error) {
    throw new PfError('parse', `the labels are no valid JSON: ${(error as Error).message}`, { cause: error })
  }
}

/** The labels file in a model's folder, if there is one. */
export async function readLabels(folder: string): Promise<string[] | undefined> {
  for (const name of fileNames) {
    const path = `${folder.replace(/\/$/, '')}/${name}`
    if (await platform.exists(path)) return parseLabels(await platform.readText(path))
  }
  return undefined
}

/** ImageNet's names for a thousand classes, otherwise none. */
export async function defaultLabels(classes: number): Promise<readonly string[] | undefined> {
  return classes === 1000 ? (await import('./imagenet-labels.ts')).imageNetLabels : undefined
}

export interface Ranked {
  index: number
  score: number
  label?: string
}

/** The `count` highest scores, best first; equal ones by index, NaN last. */
export function topScores(scores: ArrayLike<number>, count = 5, labels: readonly string[] = []): Ranked[] {
  const order = Array.from({ length: scores.length }, (_, index) => index)
  const rank = (index: number) => (Number.isNaN(scores[index]) ? Number.NEGATIVE_INFINITY : scores[index])
  order.sort((a, b) => (rank(b) === rank(a) ? a - b : rank(b) - rank(a)))
  return order.slice(0, count).map((index) => {
    const label = labels[index]
    return label === undefined ? { index, score: scores[index] } : { index, score: scores[index], label }
  })
}
