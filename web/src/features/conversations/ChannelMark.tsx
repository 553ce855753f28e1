import { Box } from "@twilio-paste/core/box";
import { ChatIcon } from "@twilio-paste/icons/esm/ChatIcon";
import { EmailIcon } from "@twilio-paste/icons/esm/EmailIcon";
import { ProductVoiceIcon } from "@twilio-paste/icons/esm/ProductVoiceIcon";
import { RCSCapableIcon } from "@twilio-paste/icons/esm/RCSCapableIcon";
import { SMSIcon } from "@twilio-paste/icons/esm/SMSIcon";
import { SocialIcon } from "@twilio-paste/icons/esm/SocialIcon";

import { text } from "@/texts";

const ICONS = {
  chat: ChatIcon,
  sms: SMSIcon,
  whatsapp: SocialIcon,
  messenger: SocialIcon,
  rcs: RCSCapableIcon,
  email: EmailIcon,
  voice: ProductVoiceIcon,
} as const;

/** A channel as an icon that says its name. */
export function ChannelMark({ channel }: { readonly channel: string }) {
  const Icon = ICONS[channel as keyof typeof ICONS] ?? ChatIcon;
  const name = (text.conversations.channels as Readonly<Record<string, string>>)[channel] ?? channel;
  return (
    <Box as="span" display="inline-flex" title={name} color="colorTextIcon">
      <Icon decorative={false} title={name} size="sizeIcon20" />
    </Box>
  );
}
