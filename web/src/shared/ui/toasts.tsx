import { Box } from "@twilio-paste/core/box";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";

type Tone = "success" | "error";
interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly words: string;
}
type Say = (words: string, tone?: Tone) => void;

const SayContext = createContext<Say>(() => undefined);
const SHOWN_MS = 6000;

/** Says in a corner, and to screen readers, that something was done or failed. */
export const useToast = (): Say => useContext(SayContext);

/** Keeps the messages; each goes by itself after six seconds. */
export function Toasts({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const say = useCallback<Say>((words, tone = "success") => {
    const id = Date.now() + Math.random();
    setToasts((before) => [...before.slice(-2), { id, tone, words }]);
    setTimeout(() => setToasts((before) => before.filter((toast) => toast.id !== id)), SHOWN_MS);
  }, []);
  const shown = useMemo(() => toasts, [toasts]);
  return (
    <SayContext.Provider value={say}>
      {children}
      <Box
        role="status"
        aria-live="polite"
        position="fixed"
        bottom="space60"
        right="space60"
        left={["space60", "auto"]}
        zIndex="zIndex90"
        display="flex"
        flexDirection="column"
        rowGap="space30"
        pointerEvents="none"
      >
        {shown.map((toast) => (
          <Box
            key={toast.id}
            padding="space50"
            borderRadius="borderRadius30"
            borderStyle="solid"
            borderWidth="borderWidth0"
            borderLeftWidth="borderWidth30"
            borderLeftColor={toast.tone === "success" ? "colorBorderSuccess" : "colorBorderError"}
            backgroundColor="colorBackgroundBody"
            boxShadow="shadow"
            color="colorText"
            fontSize="fontSize30"
            lineHeight="lineHeight30"
            maxWidth="28rem"
            overflowWrap="anywhere"
          >
            {toast.words}
          </Box>
        ))}
      </Box>
    </SayContext.Provider>
  );
}
