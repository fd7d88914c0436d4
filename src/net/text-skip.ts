// SPDX-License-Identifier: Apache-2.0
// Passes over the value of a field that a schema does not know.
import type { Tokens } from './text-tokens.ts'

/** How deep messages may nest, known or not. */
export const kMaxDepth = 100

export function checkDepth(tokens: Tokens, depth: number): void {
  if (depth > kMaxDepth) tokens.fail(`messages are nested too deep (limit ${kMaxDepth})`)
}

/** Passes over `: scalar`, `: [a, b]` or `{ … }`. */
export function skipValue(tokens: Tokens, depth: number): void {
  checkDepth(tokens, depth)
  tokens.accept(':')
  if (tokens.accept('{')) skipFields(tokens, '}', depth)
  else if (tokens.accept('<')) skipFields(tokens, '>', depth)
  else if (tokens.accept('[')) skipList(tokens, depth)
  else skipScalar(tokens)
}

/** What stands between the brackets of `[package.extension]`; the first one has been read. */
export function extensionName(tokens: Tokens): string {
  let name = ''
  while (tokens.token.kind !== 'end' && !tokens.is(']')) name += tokens.next().text
  tokens.expect(']', 'after the name of an extension')
  return `[${name}]`
}

function skipList(tokens: Tokens, depth: number): void {
  if (tokens.accept(']')) return
  do skipValue(tokens, depth + 1)
  while (tokens.accept(','))
  tokens.expect(']', 'to end a list')
}

function skipScalar(tokens: Tokens): void {
  tokens.accept('-')
  const token = tokens.next()
  if (token.kind === 'symbol' || token.kind === 'end') {
    tokens.fail(`expected a value, found ${tokens.found(token)}`, token.at)
  }
  while (token.kind === 'string' && tokens.token.kind === 'string') tokens.next()
}

function skipFields(tokens: Tokens, close: string, depth: number): void {
  while (!tokens.accept(close)) {
    const token = tokens.next()
    if (token.text === '[' && token.kind === 'symbol') extensionName(tokens)
    else if (token.kind !== 'name' && token.kind !== 'number') {
      tokens.fail(`expected a field or "${close}", found ${tokens.found(token)}`, token.at)
    }
    skipValue(tokens, depth + 1)
    if (!tokens.accept(',')) tokens.accept(';')
  }
}
