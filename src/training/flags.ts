// SPDX-License-Identifier: Apache-2.0
// Flags of a training script, --name value or --name=value: numbers, texts and switches, each with its default.
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'

export type Flag =
  | { readonly number: number; readonly about: string }
  | { readonly text: string; readonly about: string }
  | { readonly switch: true; readonly about: string }
  /** One that is known elsewhere and not here: what to do instead. */
  | { readonly refused: string }

export type FlagValues<T> = {
  [K in keyof T]: T[K] extends { number: number }
    ? number
    : T[K] extends { text: string }
      ? string
      : T[K] extends { switch: true }
        ? boolean
        : undefined
}

/**
 * Runs a training script with its flags: `--help` prints them, and what the script throws becomes one line and the exit
 * status 1.
 */
export async function runScript<const T extends Readonly<Record<string, Flag>>>(
  script: string,
  known: T,
  body: (flags: FlagValues<T>) => Promise<void>,
): Promise<void> {
  try {
    if (platform.args.includes('--help')) return printHelp(known, script)
    await body(parseFlags(known, platform.args, script))
  } catch (error) {
    const code = error instanceof PfError ? error.code : 'internal'
    const text = error instanceof PfError ? error.message : String((error as Error)?.stack ?? error)
    platform.print(`${script}: [${code}] ${text}\n`, 'error')
    platform.exitStatus(1)
  }
}

/** Reads `args`; what is wrong with them is a PfError 'argument'. */
export function parseFlags<const T extends Readonly<Record<string, Flag>>>(
  known: T,
  args: readonly string[],
  script: string,
): FlagValues<T> {
  const values: Record<string, number | string | boolean | undefined> = {}
  for (const [name, flag] of Object.entries(known)) {
    values[name] = 'number' in flag ? flag.number : 'text' in flag ? flag.text : 'switch' in flag ? false : undefined
  }
  const left = [...args]
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [, name, joined] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const flag = name === undefined || !Object.hasOwn(known, name) ? undefined : known[name]
    if (flag === undefined) throw unknown(script, word, name, known)
    values[name] = valueFor(name, flag, joined, left)
  }
  return values as FlagValues<T>
}

function valueFor(name: string, flag: Flag, joined: string | undefined, left: string[]): number | string | boolean {
  if ('refused' in flag) throw new PfError('argument', `--${name} is not there: ${flag.refused}`)
  if ('switch' in flag) {
    if (joined === undefined || joined === 'true' || joined === '1') return true
    if (joined === 'false' || joined === '0') return false
    throw new PfError('argument', `--${name} is on or off, found "${joined}"`)
  }
  const text = joined ?? left.shift()
  if (text === undefined) throw new PfError('argument', `--${name} needs a value: ${flag.about}`)
  if ('text' in flag) return text
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new PfError('argument', `--${name} takes a number of 0 or more, found "${text}"`)
}

function unknown(script: string, word: string, name: string | undefined, known: object): PfError {
  const near = name === undefined ? '' : didYouMean(name, Object.keys(known))
  return new PfError('argument', `${script} has no flag ${word}${near}; --help lists those there are`)
}

function printHelp(known: Readonly<Record<string, Flag>>, script: string): void {
  const lines = Object.entries(known).flatMap(([name, flag]) => {
    if ('refused' in flag) return []
    const value = 'number' in flag ? ` ${flag.number}` : 'text' in flag ? ` ${flag.text || 'TEXT'}` : ''
    return [`  --${name}${value}`.padEnd(44) + flag.about]
  })
  platform.print(`${script}, flags and their defaults:\n${lines.join('\n')}\n`)
}
