import { useTheme } from "@twilio-paste/core/theme";

export interface Palette {
  readonly text: string;
  readonly grid: string;
  readonly surface: string;
  readonly main: string;
  readonly band: string;
  readonly second: string;
  readonly positive: string;
  readonly neutral: string;
  readonly mixed: string;
  readonly negative: string;
}

/** The theme's colours as values: pictures are exported without the page's styles. */
export function usePalette(): Palette {
  const { textColors, backgroundColors, borderColors, dataVisualization } = useTheme();
  return {
    text: textColors.colorTextWeak,
    grid: borderColors.colorBorderWeaker,
    surface: backgroundColors.colorBackgroundBody,
    main: textColors.colorTextLink,
    band: textColors.colorTextLink,
    second: dataVisualization.colorDataVisualization6 as string,
    positive: backgroundColors.colorBackgroundSuccess,
    neutral: backgroundColors.colorBackgroundStronger,
    mixed: backgroundColors.colorBackgroundWarning,
    negative: backgroundColors.colorBackgroundError,
  };
}
