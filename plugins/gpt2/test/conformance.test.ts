import { pluginConformance } from '@silane/testkit'
import gpt2 from '../src/index.ts'

pluginConformance(gpt2, { root: new URL('..', import.meta.url) })
