// SPDX-License-Identifier: Apache-2.0
// Which files of cpp/ops a WebAssembly build needs that is to run certain operators and no others.
import { readFileSync } from 'node:fs'

/** The operators that a file declares. */
export const declaredIn = (text) => [...text.matchAll(/\bPF_OP\((\w+)\)/g)].map((match) => match[1])

/** Operators that every build has: nets of weights are made of them, and plans put the others between those of a net. */
const always = ['GivenTensorFill', 'ConstantFill', 'NCHW2NHWC', 'NHWC2NCHW']

/**
 * The files for operators of these types, and whether one of them runs nets or waits for other replicas, which base builds go without. Throws when a type is in no file.
 * @param files paths in cpp/ops @param read answers the text of one
 */
export function select(types, files, read = (path) => readFileSync(path, 'utf8')) {
  const texts = new Map(files.map((file) => [file, read(file)]))
  const fileOf = new Map()
  for (const [file, text] of texts) for (const name of declaredIn(text)) fileOf.set(name, file)
  const missing = [...new Set(types)].filter((type) => !fileOf.has(type)).sort()
  if (missing.length) throw new Error(`there is no operator ${missing.map((type) => `"${type}"`).join(', ')}`)
  const chosen = [...new Set([...types, ...always].filter((type) => fileOf.has(type)).map((type) => fileOf.get(type)))]
  const more = /#include "(core\/subnets|core\/recurrent|device\/replica_group)\.h"/
  return { files: chosen.sort(), full: chosen.some((file) => more.test(texts.get(file))) }
}
