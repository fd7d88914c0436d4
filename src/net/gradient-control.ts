// SPDX-License-Identifier: Apache-2.0
// Gradients of operators that run nets: If, While and Do. Each gets a backward net inside an operator of its own kind.
// Names and shapes of these operators are Caffe2's; where that lost a part of the gradient of a While (of parameters read
// in each round, and of states that only later rounds read) it is summed and carried here.
import { PfError } from '../util/error.ts'
import { argument, getArgument, type NetDef, netDef, type OperatorDef, operatorDef } from './net-def.ts'
import { type NestingType, unused } from './nested-nets.ts'

type Names = Map<string, string>

/** The backward operators of a list of operators, and the gradients of what the blobs held before the first. */
export interface InnerGradient {
  readonly ops: OperatorDef[]
  readonly before: ReadonlyMap<string, string>
}

/** Differentiates the operators of an inner net, given the gradients of blobs after the last. */
export type Differentiate = (ops: readonly OperatorDef[], after: ReadonlyMap<string, string>) => Promise<InnerGradient>

interface Made {
  ops: OperatorDef[]
  inputs: (string | undefined)[]
}

type Maker = (op: OperatorDef, after: Names, differentiate: Differentiate) => Promise<Made>

const makers: Readonly<Record<NestingType, Maker>> = { If: gradientOfIf, While: gradientOfWhile, Do: gradientOfDo }

/** The gradient of an If, While or Do; `outputs` are the gradients of its outputs. */
export async function controlGradient(
  op: OperatorDef,
  outputs: readonly (string | undefined)[],
  differentiate: Differentiate,
): Promise<Made> {
  const { copies, after } = distinct(op, outputs)
  const made = await makers[op.type as NestingType](op, after, differentiate)
  return { ops: [...copies, ...made.ops], inputs: made.inputs }
}

// Backward nets write over gradients and bind them by name: each output needs one for itself.
function distinct(op: OperatorDef, outputs: readonly (string | undefined)[]) {
  const copies: OperatorDef[] = []
  const after: Names = new Map()
  op.output.forEach((blob, i) => {
    const gradient = outputs[i]
    if (gradient === undefined || after.has(blob)) return
    const taken = [...after.values()].includes(gradient)
    const name = taken ? `${blob}_${gradient}_DEDUP` : gradient
    if (taken) copies.push(operatorDef('Copy', gradient, name))
    after.set(blob, name)
  })
  return { copies, after }
}

async function gradientOfIf(op: OperatorDef, after: Names, differentiate: Differentiate): Promise<Made> {
  const thenNet = wantNet(op, 'then_net')
  const elseNet = innerNet(op, 'else_net')
  const unchanged: InnerGradient = { ops: [], before: after }
  const branches = [
    await differentiate(thenNet.op, after),
    elseNet ? await differentiate(elseNet.op, after) : unchanged,
  ].map(({ ops, before }) => ({ ops: [...ops], before, zeros: [] as OperatorDef[] }))
  // A branch that has no gradient of an input gives zeros; one that hands the gradient on may have to rename it.
  const inputs = op.input.map((blob, i) => {
    if (i === 0 || op.input.indexOf(blob) !== i) return undefined
    const names = branches.map(({ before }) => before.get(blob))
    const name = names.find((each) => each !== undefined && each !== after.get(blob)) ?? names.find(Boolean)
    if (name === undefined) return undefined
    branches.forEach(({ ops, zeros }, k) => {
      const own = names[k]
      if (own === undefined) zeros.push(zerosLike(blob, name))
      else if (own !== name) ops.push(operatorDef('Copy', own, name))
    })
    return name
  })
  const [thenOps, elseOps] = branches.map(({ ops, zeros }) => [...ops, ...zeros])
  const ops = [...thenOps, ...elseOps]
  const reads = [...new Set([op.input[0], ...readsOf(thenOps), ...readsOf(elseOps)])]
  const gradient = gradientOp(op, reads, [...new Set(ops.flatMap((each) => each.output))])
  gradient.arg = [argument('then_net', backwardNet(thenNet, thenOps))]
  if (elseOps.length > 0) gradient.arg.push(argument('else_net', backwardNet(elseNet ?? thenNet, elseOps)))
  return { ops: ops.length > 0 ? [gradient] : [], inputs }
}

async function gradientOfDo(op: OperatorDef, after: Names, differentiate: Differentiate): Promise<Made> {
  const net = wantNet(op, 'net')
  const { inner, outer, scope } = bindings(op)
  const given: Names = new Map() // the gradients outside, by their names inside
  const innerAfter: Names = new Map()
  for (const [blob, gradient] of after) {
    const name = inner.get(blob)
    if (name === undefined) continue
    innerAfter.set(name, `${name}/_DO_OPERATOR_INNER_GRAD_`)
    given.set(`${name}/_DO_OPERATOR_INNER_GRAD_`, gradient)
  }
  const made = await differentiate(net.op, innerAfter)
  const ops = [...made.ops]
  const binding: Names = new Map()
  const outputs: string[] = []
  const inputs = op.input.map((blob, i) => {
    const within = inner.get(blob)
    const gradient = within === undefined ? undefined : made.before.get(within)
    if (gradient === undefined || op.input.indexOf(blob) !== i) return undefined
    // A copy, for a gradient handed through has a name bound to another blob outside already.
    const copy = `${within}/_DO_OPERATOR_INNER_GRAD_COPY_`
    const name = unused(`${blob}_grad`, [...given.values(), ...outputs])
    ops.push(operatorDef('Copy', gradient, copy))
    binding.set(copy, name)
    outputs.push(name)
    return name
  })
  if (outputs.length === 0) return { ops: [], inputs }
  const reads: string[] = []
  const saved: string[] = []
  for (const name of readsOf(ops)) {
    const outside = outer.get(name) ?? given.get(name)
    if (outside === undefined) {
      saved.push(name)
      continue
    }
    binding.set(name, outside)
    reads.push(outside)
  }
  const gradient = gradientOp(op, [...reads, scope], [...outputs, scope])
  const places = [...reads, ...outputs]
  gradient.arg = [
    argument('net', backwardNet(net, ops)),
    argument('inner_blobs', [...binding.keys()]),
    argument(
      'outer_blobs_idx',
      [...binding.values()].map((name) => places.indexOf(name)),
    ),
    argument('saved_fwd_blobs', saved),
  ]
  return { ops: [gradient], inputs }
}

async function gradientOfWhile(op: OperatorDef, after: Names, differentiate: Differentiate): Promise<Made> {
  const body = wantNet(op, 'loop_net')
  const round = body.op[0]
  if (body.op.length !== 1 || round.type !== 'Do' || getArgument(round, 'reuse_workspace')) {
    throw refusal(op, 'its loop_net must be one Do without reuse_workspace, which keeps the blobs of each round')
  }
  const carried: Names = new Map([...after.keys()].map((blob) => [blob, `${blob}_grad_carried`]))
  let made = await differentiate(body.op, carried)
  // A state that only later rounds read has a gradient in each but the last.
  for (;;) {
    const more = op.output.filter((blob) => made.before.has(blob) && !carried.has(blob))
    if (more.length === 0) break
    for (const blob of more) carried.set(blob, `${blob}_grad_carried`)
    made = await differentiate(body.op, carried)
  }
  checkKept(op, round, made)

  made = withNames(made, (blob, name) => (name === carried.get(blob) ? name : `${blob}_grad_round`))

  const scope = round.output.at(-1) as string
  const condition = `${scope}_gradient_loop_cond`
  const start = [operatorDef('HasScope', scope, condition)]
  const ops = [...made.ops]
  const finish: OperatorDef[] = []
  for (const [blob, name] of carried) {
    const gradient = after.get(blob)
    start.push(gradient === undefined ? zerosLike(blob, name) : operatorDef('Copy', gradient, name))
    const before = made.before.get(blob)
    if (before === undefined) ops.push(zerosLike(name, name))
    else if (before !== name) ops.push(operatorDef('Copy', before, name))
  }
  const inputs = op.input.map((blob, i) => {
    const gradient = made.before.get(blob)
    if (gradient === undefined || op.input.indexOf(blob) !== i) return undefined
    const sum = carried.get(blob) ?? `${blob}_grad_summed`
    if (!carried.has(blob)) {
      start.push(zerosLike(blob, sum))
      ops.push(operatorDef('Sum', [sum, gradient], sum))
    }
    finish.push(operatorDef('Copy', sum, `${blob}_grad`))
    return `${blob}_grad`
  })
  const reads = readsOf(ops).filter((name) => name !== scope)
  const written = start.slice(1).flatMap((each) => each.output)
  const gradient = gradientOp(op, [condition, scope, ...reads], [...written, scope])
  const again = netDef({ name: 'gradient_loop_cond_net', op: [operatorDef('HasScope', scope, condition)] })
  gradient.arg = [argument('loop_net', backwardNet(body, ops)), argument('cond_net', again)]
  return { ops: [...start, gradient, ...finish], inputs }
}

// Gradients of one round get names of their own: outside, another operator may have written a part of the gradient.
function withNames(made: InnerGradient, nameOf: (blob: string, name: string) => string): InnerGradient {
  const names = new Map([...made.before].map(([blob, name]) => [name, nameOf(blob, name)]))
  const renamed = (blobs: string[]) => blobs.map((blob) => names.get(blob) ?? blob)
  return {
    ops: made.ops.map((op) => ({ ...op, input: renamed(op.input), output: renamed(op.output) })),
    before: new Map([...made.before].map(([blob, name]) => [blob, names.get(name) as string])),
  }
}

// Outside, a blob that a round writes holds what the last round wrote: earlier values must have been kept.
function checkKept(op: OperatorDef, round: OperatorDef, made: InnerGradient): void {
  if (getArgument(round, 'copy_external_blobs')) return
  const written = new Set(round.output.slice(0, -1))
  const lost = readsOf(made.ops).find((name) => written.has(name))
  if (lost === undefined) return
  throw refusal(
    op,
    `"${lost}" of earlier rounds is needed; give the Do in its loop_net the argument copy_external_blobs`,
  )
}

/** The outer blobs of a Do by inner name and the other way round, and its scope. */
function bindings(op: OperatorDef) {
  const names = [...op.input.slice(0, -1), ...op.output.slice(0, -1)]
  const places = (getArgument(op, 'outer_blobs_idx') ?? []) as number[]
  const pairs = ((getArgument(op, 'inner_blobs') ?? []) as string[]).map(
    (inner, i) => [inner, names[places[i]]] as const,
  )
  return {
    outer: new Map(pairs),
    inner: new Map(pairs.map(([inner, outer]) => [outer, inner])),
    scope: op.output.at(-1) as string,
  }
}

function innerNet(op: OperatorDef, name: string): NetDef | undefined {
  const arg = op.arg.find((each) => each.name === name)
  return arg?.n ?? arg?.nets?.[0]
}

function wantNet(op: OperatorDef, name: string): NetDef {
  const net = innerNet(op, name)
  if (net === undefined) throw refusal(op, `the argument "${name}" holds no net`)
  return net
}

const refusal = (op: OperatorDef, why: string) => new PfError('no_gradient', `no gradient of ${op.type}: ${why}`)

const backwardNet = (forward: NetDef, op: OperatorDef[]): NetDef => ({
  ...forward,
  name: forward.name && `${forward.name}_grad`,
  op,
  externalInput: [],
  externalOutput: [],
})

const gradientOp = (forward: OperatorDef, input: string[], output: string[]): OperatorDef => ({
  ...forward,
  name: forward.name && `${forward.name}_grad`,
  input,
  output,
  isGradientOp: true,
  controlInput: [],
})

const zerosLike = (blob: string, name: string): OperatorDef =>
  operatorDef('ConstantFill', blob, name, { value: { float: 0 } })

/** What a list of operators reads before it has written it. */
function readsOf(ops: readonly OperatorDef[]): string[] {
  const reads = new Set<string>()
  const written = new Set<string>()
  for (const op of ops) {
    for (const name of op.input) if (!written.has(name)) reads.add(name)
    for (const name of op.output) written.add(name)
  }
  return [...reads]
}
