// SPDX-License-Identifier: Apache-2.0
// src/gen/abi.ts from cpp/abi/pf.h alone: the names of the functions and statuses, and the hash of both lists.
import { readFileSync } from 'node:fs'
import { banner } from './kit.mjs'

/** The lists of pf.h: [{name, doc}] and [{name, number, doc}]. */
export function readAbi(header = readFileSync('cpp/abi/pf.h', 'utf8')) {
  const functions = [...header.matchAll(/^ {2}F\((\w+)\)\s*\/\*\s*(.*?)\s*\*\//gm)].map(([, name, doc]) => ({
    name,
    doc,
  }))
  const statuses = [...header.matchAll(/^ {2}S\((\w+), (\d+), "(.*?)"\)/gm)].map(([, name, number, doc]) => ({
    name,
    number: Number(number),
    doc,
  }))
  if (!functions.length || !statuses.length) throw new Error('cpp/abi/pf.h: no F(…) or no S(…) lines found')
  return { functions, statuses }
}

/** FNV-1a of "f,f,…;s=0,s=1,…": pf_abi_hash() computes the same from the same lists. */
export function abiHash({ functions, statuses }) {
  const text = `${functions.map((f) => f.name).join(',')};${statuses.map((s) => `${s.name}=${s.number}`).join(',')}`
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}

export function abiSource(abi = readAbi()) {
  const hash = `0x${abiHash(abi).toString(16).padStart(8, '0')}`
  return `${banner('cpp/abi/pf.h')}
/** The functions of the core in the order of their numbers. */
export const functions = [
${abi.functions.map((f) => `  /** ${f.doc} */\n  '${f.name}',`).join('\n')}
] as const

/** The name of a function of the core. */
export type Fn = (typeof functions)[number]

/** The number of each function, as pf_call() takes it. */
export const functionNumber: Readonly<Record<Fn, number>> = {
${abi.functions.map((f, i) => `  ${f.name}: ${i},`).join('\n')}
}

/** The statuses of pf_call() by name. */
export const statusNumber = {
${abi.statuses.map((s) => `  /** ${s.doc} */\n  ${s.name}: ${s.number},`).join('\n')}
} as const

/** The name of a status: the code of a PfError. */
export type Status = keyof typeof statusNumber

/** The name of each status, by its number. */
export const statusName: readonly Status[] = [
${abi.statuses.map((s) => `  '${s.name}',`).join('\n')}
]

/** What pf_abi_hash() of a core of this version answers. */
export const abiHash = ${hash}
`
}
