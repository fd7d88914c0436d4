// SPDX-License-Identifier: Apache-2.0
// The field tables that build/proto.mjs writes, unpacked when a message is first met.

/** The tables of one proto file, as generated. */
export interface TextTables {
  readonly messages: Readonly<Record<string, string>>
  readonly enums: Readonly<Record<string, string>>
}

export interface Field {
  /** As in the text: snake_case. */
  name: string
  /** As in our objects: camelCase. */
  key: string
  repeated: boolean
  type: string
  kind: 'scalar' | 'enum' | 'message'
}

export interface Message {
  /** In the order of the field numbers, which is the order of writing. */
  fields: readonly Field[]
  byName: ReadonlyMap<string, Field>
  repeated: readonly Field[]
}

const messages = new WeakMap<TextTables, Map<string, Message>>()
const enums = new WeakMap<TextTables, Map<string, ReadonlyMap<string, number>>>()

export function messageOf(tables: TextTables, name: string): Message {
  return cached(messages, tables, name, () => {
    const byName = new Map<string, Field>()
    const fields = tables.messages[name].split(' ').map((text) => {
      const [names, type] = text.split(':')
      const [first, second] = names.split('|')
      const field = describe(tables, first, type)
      byName.set(first, field)
      if (second !== undefined) byName.set(second, field)
      return field
    })
    return { fields, byName, repeated: fields.filter((field) => field.repeated) }
  })
}

export function enumOf(tables: TextTables, name: string): ReadonlyMap<string, number> {
  return cached(enums, tables, name, () => {
    const pairs = tables.enums[name].split(' ').map((text) => text.split('='))
    return new Map(pairs.map(([value, number]) => [value, Number(number)]))
  })
}

function describe(tables: TextTables, name: string, typeText: string): Field {
  const repeated = typeText.startsWith('*')
  const type = repeated ? typeText.slice(1) : typeText
  const kind = type in tables.messages ? 'message' : type in tables.enums ? 'enum' : 'scalar'
  return { name, key: name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), repeated, type, kind }
}

function cached<T>(store: WeakMap<TextTables, Map<string, T>>, tables: TextTables, name: string, make: () => T): T {
  const known = store.get(tables) ?? new Map<string, T>()
  store.set(tables, known)
  const found = known.get(name) ?? make()
  known.set(name, found)
  return found
}
