/** What is looked at of vitest's JSON report. */
interface TestFile {
  readonly name: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

export declare function skippedTests(testResults: readonly TestFile[], root: string): string[]
