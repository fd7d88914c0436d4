// SPDX-License-Identifier: Apache-2.0
// What a command takes, and what a person gave it, checked.
import { PfError } from '../util/error.ts'

/** A mistake on the command line: the process ends with status 2 and points to the help. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Option {
  /** '--top'. */
  flag: string
  /** What stands for the value in the help; without it the option is a switch. */
  value?: string
  describe: string
  /** Printed in the help and used where the option is not given. */
  otherwise?: string | number
  required?: boolean
}

export interface Command {
  /** 'classify', or 'convert caffe'. */
  name: string
  /** Positional arguments, as the help shows them; `few` is how many are needed. */
  usage?: string
  few?: number
  describe: string
  options: readonly Option[]
  examples: readonly string[]
  run(given: Given, context: Context): Promise<void>
}

/** What a command sees of the outside. */
export interface Context {
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal
  /** A line on the output. */
  print(line: string): void
  /** A line on the error stream that the next one replaces; nothing where that is no terminal. */
  progress(line: string): void
  /** A line on the error stream. */
  note(line: string): void
}

type Parsed = Readonly<Record<string, unknown>>

/** The arguments of one call of a command. */
export class Given {
  readonly positional: readonly string[]
  readonly #values: Parsed
  readonly #options: ReadonlyMap<string, Option>

  constructor(command: Command, positional: readonly unknown[], values: Parsed) {
    this.positional = positional.map(String)
    this.#values = values
    this.#options = new Map(command.options.map((option) => [option.flag.slice(2), option]))
    const few = command.few ?? 0
    if (this.positional.length < few) throw new UsageError(`${command.name} needs ${command.usage ?? 'an argument'}`)
    if (command.usage === undefined && this.positional.length > 0) {
      throw new UsageError(`${command.name} takes no arguments, found "${this.positional[0]}"`)
    }
    for (const option of command.options) if (option.required) this.text(option.flag.slice(2))
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined
  }

  /** Values of an option that may be given several times. */
  list(name: string): string[] {
    const value = this.#values[name]
    if (value === undefined) return []
    const values = (Array.isArray(value) ? value : [value]).map(String)
    if (values.includes('')) throw new UsageError(`--${name} needs a value: ${this.#options.get(name)?.value}`)
    return values
  }

  optional(name: string): string | undefined {
    const values = this.list(name)
    if (values.length > 1) throw new UsageError(`--${name} is given ${values.length} times`)
    return values[0]
  }

  text(name: string): string {
    const value = this.optional(name)
    if (value !== undefined) return value
    const { value: hint, describe } = this.#options.get(name) as Option
    throw new UsageError(`--${name} ${hint} is missing: ${describe}`)
  }

  number(name: string): number | undefined {
    const text = this.optional(name)
    return text === undefined ? undefined : asNumber(name, text)
  }

  /** A whole number of 1 or more. */
  count(name: string): number | undefined {
    const value = this.number(name)
    if (value === undefined || (Number.isInteger(value) && value > 0)) return value
    throw new UsageError(`--${name} takes a whole number of 1 or more, found ${value}`)
  }

  /** Numbers separated by commas. */
  numbers(name: string): number[] | undefined {
    return this.optional(name)
      ?.split(',')
      .map((text) => asNumber(name, text))
  }

  /** name=value pairs of an option that may be given several times. */
  pairs(name: string): [string, string][] {
    return this.list(name).map((text) => {
      const at = text.indexOf('=')
      if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)]
      throw new UsageError(`--${name} takes name=FILE, found "${text}"`)
    })
  }
}

function asNumber(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new UsageError(`--${name} takes numbers, found "${text}"`)
  return value
}

/** One of several words, or a usage error that lists them. */
export function oneOf<T extends string>(name: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new UsageError(`--${name} takes ${words.join(', ')}; found "${text}"`)
}

/** The one line that tells of a failure: a code for scripts and a sentence for people. */
export function errorLine(error: unknown): string {
  if (error instanceof UsageError) return `portafilter: [usage] ${error.message}`
  const code = error instanceof PfError ? error.code : 'internal'
  const text = error instanceof Error ? error.message : String(error)
  return `portafilter: [${code}] ${text.replaceAll(/\s*\n\s*/g, ' ')}`
}
