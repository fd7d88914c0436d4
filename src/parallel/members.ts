// SPDX-License-Identifier: Apache-2.0
// Who trains together: the processes that mpirun started, and the backends of this one's replicas.
import { type Backend, type ProcessInfo, openBackend } from '../backend/backend.ts'
import { currentBackend } from '../net/init.ts'
import { platform } from '../platform/index.ts'
import { PfError, withContext } from '../util/error.ts'
import type { DataParallelOptions } from './data-parallel.ts'

export interface Members {
  readonly rank: number
  readonly processes: number
  /** To tell other processes something; none when this one is alone. */
  readonly link?: Backend
  /** Of each replica of this process. */
  readonly backends: readonly Backend[]
  readonly devices: readonly number[]
  /** Backends that were opened here. */
  readonly owned: readonly Backend[]
}

const kMostReplicas = 1024

type Place = Pick<ProcessInfo, 'rank' | 'size' | 'localRank' | 'localSize'> & { readonly link?: Backend }

const alone: Place = { rank: 0, size: 1, localRank: 0, localSize: 1 }

export async function findMembers(options: DataParallelOptions): Promise<Members> {
  const started = platform.env('OMPI_COMM_WORLD_SIZE') !== undefined || platform.env('PORTAFILTER_MPI') === '1'
  if (options.mpi && !started) {
    throw new PfError('argument', 'mpi: true, but mpirun did not start this process: mpirun -np 2 node script.js')
  }
  if (options.devices !== undefined) checkDevices(options.devices)
  await checkBackend(options)
  const joined = options.mpi ?? started
  const { link, ...all } = joined ? await joinProcesses() : alone
  const common = { rank: all.rank, processes: all.size, ...(link && { link }) }
  const devices = ownDevices(options.devices ?? (await devicesThere(options)), all)
  if (devices.length === 0) return { ...common, ...(await onCpu(options)) }
  if (options.replicas !== undefined && options.replicas !== devices.length) {
    throw new PfError('argument', `replicas is for the CPU; on GPUs there is one for each of devices [${devices}]`)
  }
  const backends = await openOn(devices, options)
  return { ...common, devices, backends, owned: backends }
}

function checkDevices(devices: readonly number[]): void {
  if (!Array.isArray(devices)) {
    throw new PfError('argument', `devices is a list of GPUs, such as [0, 1], or [] for the CPU; found ${devices}`)
  }
  for (const [i, device] of devices.entries()) {
    if (!Number.isInteger(device) || device < 0) {
      throw new PfError('argument', `devices are numbers of GPUs, counted from 0, such as [0, 1]; found ${device}`)
    }
    if (devices.indexOf(device) !== i) {
      const each = [...new Set(devices)].join(', ')
      throw new PfError('argument', `GPU ${device} is twice in devices; each has one replica: devices: [${each}]`)
    }
  }
}

// `backend` is for replicas on the CPU; those on GPUs open one each.
async function checkBackend({ backend, devices }: DataParallelOptions): Promise<void> {
  if (backend === undefined || devices === undefined) return
  const { backend: name } = await backend.info()
  if (devices.length === 0 && name === 'cuda') {
    throw new PfError(
      'argument',
      'devices: [] is for replicas on the CPU, but `backend` is on a GPU: ' +
        "leave devices out to train on GPUs, or give openBackend({ backend: 'native' })",
    )
  }
  if (devices.length > 0 && name !== 'cuda') {
    throw new PfError(
      'argument',
      `devices [${devices.join(', ')}] are GPUs, but \`backend\` is ${name}, on the CPU: ` +
        'leave backend out, or write devices: []',
    )
  }
}

// Lives as long as the process, which works with the others that long. It holds nothing.
let link: Promise<Backend> | undefined

async function joinProcesses(): Promise<Place> {
  link ??= openBackend({ backend: 'native' })
  const backend = await link
  return { ...(await backend.processes('join')), link: backend }
}

async function devicesThere({ backend }: DataParallelOptions): Promise<number[]> {
  const { backend: name, cuda } = await (backend ?? (await currentBackend())).info()
  return name === 'cuda' ? (cuda?.devices ?? []).map(({ index }) => index) : []
}

// The processes of a host share its GPUs.
function ownDevices(devices: readonly number[], { localRank, localSize }: Place): number[] {
  if (devices.length % localSize !== 0) {
    throw new PfError(
      'argument',
      `the ${devices.length} GPUs [${devices.join(', ')}] cannot be shared evenly by the ${localSize} processes of this host; ` +
        `devices lists all GPUs of the host, and mpirun -np ${devices.length} gives each process one`,
    )
  }
  const each = devices.length / localSize
  return devices.slice(localRank * each, (localRank + 1) * each)
}

async function onCpu({ backend, replicas = 1 }: DataParallelOptions) {
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > kMostReplicas) {
    throw new PfError('argument', `replicas must be a whole number from 1 to ${kMostReplicas}, found ${replicas}`)
  }
  const { device, opened } = backend ? { device: backend, opened: [] } : await cpuBackend()
  return { devices: [], backends: Array.from({ length: replicas }, () => device), owned: opened }
}

// The backend in use, unless it is on a GPU.
async function cpuBackend(): Promise<{ device: Backend; opened: Backend[] }> {
  const current = await currentBackend()
  if ((await current.info()).backend !== 'cuda') return { device: current, opened: [] }
  const device = await openBackend({ backend: 'native' })
  return { device, opened: [device] }
}

async function openOn(devices: readonly number[], { precision, lossScale }: DataParallelOptions): Promise<Backend[]> {
  const opened: Backend[] = []
  try {
    for (const device of devices) {
      const rest = { ...(precision && { precision }), ...(lossScale && { lossScale }) }
      opened.push(await openBackend({ backend: 'cuda', worker: false, device, ...rest }))
    }
  } catch (error) {
    for (const backend of opened) await backend.close()
    throw withContext(error, `cannot train on devices [${devices.join(', ')}] (devices: [] is the CPU)`, 'backend')
  }
  return opened
}
