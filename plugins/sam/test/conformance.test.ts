import { pluginConformance } from '@silane/testkit'
import sam from '../src/index.ts'

pluginConformance(sam, { root: new URL('..', import.meta.url) })
