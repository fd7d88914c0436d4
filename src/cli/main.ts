// SPDX-License-Identifier: Apache-2.0
// The command line: `portafilter classify photo.jpg --model squeezenet`.
import { platform } from '../platform/index.ts'
import { runCommandLine } from './program.ts'

platform.exitStatus(await runCommandLine(platform.args))
