// SPDX-License-Identifier: Apache-2.0
// Entry of the tests in Node, Deno and Bun. The one argument is {settings, suites}; events go to standard output, each on
// a line that begins with the record separator, among whatever the tests print.
import { runSuite, type Suites } from './driver.ts'
import type { TestSettings } from './settings.ts'

interface Host {
  PORTAFILTER_TEST?: TestSettings
  process: { argv: string[]; exit(code: number): never; stdout: { write(text: string, done: () => void): unknown } }
}

const host = globalThis as unknown as Host

const emit = (event: unknown) =>
  new Promise<void>((done) => host.process.stdout.write(`\n\x1e${JSON.stringify(event)}\n`, done))

export async function server(suites: Suites): Promise<void> {
  const wanted = JSON.parse(host.process.argv[2]) as { settings: TestSettings; suites: string[] }
  host.PORTAFILTER_TEST = wanted.settings
  for (const name of wanted.suites) {
    await emit({ start: name })
    await emit({ result: await runSuite(suites, name) })
  }
  host.process.exit(0)
}
