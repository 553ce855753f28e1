export const callKeys = {
  all: ["calls"] as const,
  list: ["calls", "list"] as const,
  pasts: ["calls", "past"] as const,
  past: (filter: object, cursor: string | null) => ["calls", "past", filter, cursor] as const,
  one: (callSid: string) => ["calls", "one", callSid] as const,
  result: (callSid: string) => ["calls", "result", callSid] as const,
  results: ["calls", "result"] as const,
  /** Records of the live connection, kept for answers that are on their way. */
  records: ["call-records"] as const,
};
