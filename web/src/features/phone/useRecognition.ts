import { useEffect, useRef, useState } from "react";

interface Alternative {
  readonly transcript: string;
}
interface ResultEvent extends Event {
  readonly resultIndex: number;
  readonly results: ArrayLike<ArrayLike<Alternative> & { readonly isFinal: boolean }>;
}
interface Recognition extends EventTarget {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  start: () => void;
  stop: () => void;
}
type RecognitionClass = new () => Recognition;

/** The browser's own speech recognition, where it has one; TypeScript's library does not know it. */
function recognitionClass(): RecognitionClass | null {
  const known = window as unknown as Readonly<Record<string, RecognitionClass | undefined>>;
  return known["SpeechRecognition"] ?? known["webkitSpeechRecognition"] ?? null;
}

interface Hears {
  readonly onPartial: (words: string) => void;
  readonly onFinal: (words: string) => void;
}

/** Listens while `listening`; tells what it understands as it grows and when it is final. */
export function useRecognition(language: string, { onPartial, onFinal }: Hears) {
  const [listening, setListening] = useState(false);
  const hears = useRef({ onPartial, onFinal });
  useEffect(() => {
    hears.current = { onPartial, onFinal };
  });
  useEffect(() => {
    const Recognize = listening ? recognitionClass() : null;
    if (!Recognize) return;
    const recognition = new Recognize();
    recognition.lang = language;
    recognition.continuous = true;
    recognition.interimResults = true;
    recognition.addEventListener("result", (event) => {
      const { results, resultIndex } = event as ResultEvent;
      for (let index = resultIndex; index < results.length; index += 1) {
        const result = results[index];
        const words = result?.[0]?.transcript ?? "";
        if (result?.isFinal) hears.current.onFinal(words.trim());
        else hears.current.onPartial(words);
      }
    });
    recognition.addEventListener("end", () => setListening(false));
    recognition.start();
    return () => recognition.stop();
  }, [listening, language]);
  return { supported: recognitionClass() !== null, listening, setListening };
}
