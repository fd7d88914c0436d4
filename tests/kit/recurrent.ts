// SPDX-License-Identifier: Apache-2.0
// A RecurrentNetwork around the operators of one step, with its backward step net, linked as Caffe2's recurrent.py does.
import { addGradientOperators, type GradientSource } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { type NetDef, netDef, type OperatorDef, operatorDef } from '../../src/net/net-def.ts'

export interface Cell {
  /** One step: reads `input_t`, `<state>_prev`, `timestep`, parameters; writes `<state>`. */
  step: OperatorDef[]
  states: string[]
  params: string[]
  /** Blobs that the step reads and that get no gradient. */
  others?: string[]
}

/** What the two step nets are put into the arguments as. */
export type NetForm = (net: NetDef) => Promise<NetDef | string>

const asMessage: NetForm = async (net) => net

/** The operator: `<state>_all` and `<state>_last` for each state from `sequence` and `<state>_0`. */
export async function recurrent(
  source: GradientSource,
  sequence: string,
  { step, states, params, others = [] }: Cell,
  withGradients: readonly string[],
  form = asMessage,
): Promise<OperatorDef> {
  const net = new Net('step')
  net.addOperators(step)
  const last = Object.fromEntries(states.map((state) => [state, `${state}_grad`]))
  const gradients = await addGradientOperators(net, last, { backend: source })
  const backward = net.proto().op.slice(step.length)
  const outputs = states.flatMap((state) => [`${state}_all`, `${state}_last`])
  const initial = states.map((state) => `${state}_0`)
  const rows = states.map((state) => `${state}_prev_states`)
  const twice = <T>(items: readonly T[]) => items.flatMap((item) => [item, item])
  return operatorDef('RecurrentNetwork', [sequence, ...initial, ...params, ...others], [...outputs, 'scopes'], {
    alias_src: twice(rows),
    alias_dst: outputs,
    alias_offset: states.flatMap(() => [1, -1]),
    recurrent_states: rows,
    initial_recurrent_state_ids: states.map((_, i) => 1 + i),
    link_internal: [...states.flatMap((state) => [`${state}_prev`, state]), 'input_t'],
    link_external: [...twice(rows), sequence],
    link_offset: [...states.flatMap(() => [0, 1]), 0],
    step_net: await form(netDef({ name: 'step', op: step })),
    timestep: 'timestep',
    param: params.map((_, i) => 1 + states.length + i),
    param_grads: params.map((name) => gradients.get(name) as string),
    backward_link_internal: [
      ...states.flatMap((state) => [`${state}_grad`, gradients.get(`${state}_prev`) as string]),
      gradients.get('input_t') as string,
    ],
    backward_link_external: [...twice(rows.map((name) => `${name}_grad`)), `${sequence}_grad`],
    backward_link_offset: [...states.flatMap(() => [1, 0]), 0],
    outputs_with_grads: withGradients.map((name) => outputs.indexOf(name)),
    backward_step_net: await form(netDef({ name: 'backward_step', op: backward })),
  })
}
