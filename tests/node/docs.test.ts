// SPDX-License-Identifier: Apache-2.0
// What the documents say is true: links lead somewhere, targets of make exist, quoted code is the code, and fences marked
// `run` do run.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { transformSync } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settings } from '../kit/settings.ts'

const run = promisify(execFile)

const documents = ['README.md', 'CONTRIBUTING.md', ...below('docs')]

function below(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true }) as string[]
  return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
}

interface Fence {
  language: string
  mark: string
  text: string
}

function fences(path: string): Fence[] {
  const pattern = /^```(\w*) ?([^\n]*)\n([\s\S]*?)^```$/gm
  return [...readFileSync(path, 'utf8').matchAll(pattern)].map(([, language, mark, text]) => ({ language, mark, text }))
}

const anchorOf = (heading: string) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')

for (const path of documents) {
  test(`${path}: every link leads somewhere`, () => {
    const text = readFileSync(path, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '')
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue
      const [file, anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      assert.ok(existsSync(target), `${path} links to ${link}`)
      if (anchor === undefined || !target.endsWith('.md')) continue
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) => anchorOf(match[1]))
      assert.ok(headings.includes(anchor), `${path} links to ${link}, which has no such heading`)
    }
  })
}

test('every make target that a document names exists', () => {
  const targets = [...readFileSync('Makefile', 'utf8').matchAll(/^([a-z-]+):/gm)].map((match) => match[1])
  for (const path of documents) {
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/(?:`|^)make ([a-z-]+)/gm)) {
      assert.ok(targets.includes(target), `${path} names make ${target}`)
    }
  }
})

test('quoted files are quoted whole and word for word', () => {
  let quoted = 0
  for (const path of documents) {
    const byFile = new Map<string, string[]>()
    for (const { mark, text } of fences(path)) {
      if (/^(cpp|src|tests)\//.test(mark)) byFile.set(mark, [...(byFile.get(mark) ?? []), text])
    }
    for (const [file, parts] of byFile) {
      const plain = (text: string) => text.replaceAll(/\n+/g, '\n').trim()
      assert.is(plain(parts.join('\n')), plain(readFileSync(file, 'utf8')), `${path} quotes ${file}`)
      quoted++
    }
  }
  assert.ok(quoted > 0)
})

const env = { ...process.env, PORTAFILTER_BACKEND: settings.backend }

for (const path of documents) {
  for (const [i, { language, mark, text }] of fences(path).entries()) {
    if (mark !== 'run') continue
    test(`${path}: fence ${i + 1} (${language}) runs`, async () => {
      if (language === 'sh') await runCommands(text)
      else await runProgram(`${path.replaceAll(/\W/g, '-')}-${i}.mjs`, text)
    })
  }
}

async function runCommands(text: string): Promise<void> {
  for (const line of text.split('\n').filter((command) => command.startsWith('portafilter '))) {
    const { stdout } = await run(process.execPath, ['dist/cli.js', ...line.split(/\s+/).slice(1)], { env })
    assert.ok(stdout.length > 0, line)
  }
}

async function runProgram(name: string, text: string): Promise<void> {
  const { code } = transformSync(text, { loader: 'ts', format: 'esm' })
  const folder = resolve('dist/tests/docs')
  mkdirSync(folder, { recursive: true })
  const entry = pathToFileURL(resolve('dist/index.js')).href
  writeFileSync(join(folder, name), code.replaceAll(/from ["']portafilter["']/g, `from ${JSON.stringify(entry)}`))
  const { stdout } = await run(process.execPath, [join(folder, name)], { env })
  assert.ok(stdout.length > 0)
}

test.run()
