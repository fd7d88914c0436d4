// SPDX-License-Identifier: Apache-2.0
// From arguments to a command, and from what it throws to one line and an exit status: 0, 1 for a failure, 2 for a
// mistake on the command line, 130 when Ctrl-C stopped it.
import sade from 'sade'
import { version } from '../../package.json'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'
import { type Command, errorLine, Given, UsageError } from './arguments.ts'
import { bench } from './commands/bench.ts'
import { benchResnet50 } from './commands/bench-resnet50.ts'
import { build } from './commands/build.ts'
import { classify } from './commands/classify.ts'
import { convert } from './commands/convert.ts'
import { info } from './commands/info.ts'
import { makeImageDb } from './commands/make-image-db.ts'
import { run } from './commands/run.ts'
import { verify } from './commands/verify.ts'
import { openContext } from './context.ts'

const commands: readonly Command[] = [
  ...[classify, run, convert, info, verify, benchResnet50, bench],
  ...[build, makeImageDb],
]

const common = { debug: '--debug', help: '--help', version: '--version' }

export async function runCommandLine(args: readonly string[]): Promise<number> {
  const debug = args.includes(common.debug)
  const context = openContext()
  try {
    const call = parse(args.filter((arg) => arg !== common.debug))
    await call?.command.run(call.given, context)
    return 0
  } catch (error) {
    context.close()
    platform.print(`${errorLine(error)}\n`, 'error')
    if (error instanceof UsageError) platform.print(`Run \`portafilter --help\` to see what there is.\n`, 'error')
    if (debug && error instanceof Error) platform.print(stackOf(error), 'error')
    return statusOf(error, context.signal.aborted)
  } finally {
    context.close()
  }
}

function statusOf(error: unknown, interrupted: boolean): number {
  if (error instanceof UsageError) return 2
  return interrupted && error instanceof PfError && error.code === 'aborted' ? 130 : 1
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `caused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}\n${cause}`
}

interface Call {
  command: Command
  given: Given
}

// sade prints help and splits the rest; what is wrong we say ourselves, before it would end the process.
function parse(args: readonly string[]): Call | undefined {
  const program = describe()
  const asked = args.some((arg) => arg === common.help || arg === '-h')
  const command = find(args)
  if (command === undefined) {
    if (args.length === 0 || asked) program.help()
    else if (args[0] === common.version || args[0] === '-v') platform.print(`${version}\n`)
    else throw unknownCommand(args)
    return undefined
  }
  if (asked) {
    program.help(command.name)
    return undefined
  }
  const flags = command.options.map(({ flag }) => flag)
  const options = {
    lazy: true as const,
    string: command.options.filter(({ value }) => value).map(({ flag }) => flag.slice(2)),
    boolean: command.options.filter(({ value }) => !value).map(({ flag }) => flag.slice(2)),
    unknown: (flag: string) => {
      throw new UsageError(`${command.name} has no option ${flag}${didYouMean(flag, flags)}`)
    },
  }
  const { args: found } = program.parse(['', '', ...args], options)
  const values = (found as unknown[]).at(-1) as { _: unknown[] } & Record<string, unknown>
  const positional = [...(found as unknown[]).slice(0, -1), ...values._].filter((value) => value !== undefined)
  return { command, given: new Given(command, positional, values) }
}

function find(args: readonly string[]): Command | undefined {
  return commands.find(({ name }) => name.split(' ').every((word, i) => args[i] === word))
}

function unknownCommand(args: readonly string[]): UsageError {
  const first = args[0]
  if (first.startsWith('-')) return new UsageError(`the command comes first, found ${first}`)
  const inner = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name)
  if (inner.length > 0) return new UsageError(`${first} needs one word more: ${inner.join(', ')}`)
  return new UsageError(
    `there is no command "${first}"${didYouMean(
      first,
      commands.map(({ name }) => name),
    )}`,
  )
}

function describe(): sade.Sade {
  const program = sade('portafilter').version(version)
  program.option(common.debug, 'Prints where an error comes from')
  for (const { name, usage, describe, options, examples } of commands) {
    program.command(usage === undefined ? name : `${name} [${usage}]`, describe)
    for (const { flag, value, describe, otherwise } of options) {
      const text = value === undefined ? describe : `${value}: ${describe}`
      program.option(flag, otherwise === undefined ? text : `${text} (default ${otherwise})`)
    }
    for (const example of examples) program.example(example)
  }
  return program
}
