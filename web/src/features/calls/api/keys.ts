export const callKeys = {
  all: ["calls"] as const,
  list: ["calls", "list"] as const,
  one: (callSid: string) => ["calls", "one", callSid] as const,
  /** Records of the live connection, kept for answers that are on their way. */
  records: ["call-records"] as const,
};
